"""Find the strokes in an annotation."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as graph_components

from napari_sciml.images.components import connected_components

SPARSE = 100
"""A labeled voxel costs as much in a graph as this many voxels of a dense box."""


@dataclass(frozen=True)
class Stroke:
    """A connected group of voxels with one label.

    Attributes
    ----------
    label
        The class that was painted.
    voxels
        ``(n, ndim)`` coordinates, in C order.
    """

    label: int
    voxels: np.ndarray

    def __len__(self) -> int:
        return len(self.voxels)


def labeled_voxels(labels: np.ndarray) -> np.ndarray:
    """Coordinates ``(n, ndim)`` of the annotated voxels, in C order.

    As `numpy.argwhere`, but many times faster where little is annotated.
    """
    labels = np.ascontiguousarray(labels)
    lines = labels.reshape(math.prod(labels.shape[:-1]), labels.shape[-1])
    filled = np.flatnonzero(lines.any(1))
    line, last = np.nonzero(lines[filled])
    # Column by column: reductions over the voxels are then several times faster.
    return np.stack([*np.unravel_index(filled[line], labels.shape[:-1]), last]).T


def find_strokes(labels: np.ndarray) -> list[Stroke]:
    """Split an annotation into strokes: connected voxels of one class.

    Parameters
    ----------
    labels
        Annotation, ``(y, x)`` or ``(z, y, x)``; 0 = not annotated.

    Returns
    -------
    list of Stroke
        In the order of their first voxels.
    """
    voxels = labeled_voxels(labels)
    return strokes_of(voxels, labels[tuple(voxels.T)])


def strokes_of(voxels: np.ndarray, values: np.ndarray) -> list[Stroke]:
    """Split labeled voxels into strokes; see `find_strokes`.

    Parameters
    ----------
    voxels
        Coordinates ``(n, ndim)``, in C order.
    values
        Their labels ``(n,)``.
    """
    if not len(voxels):
        return []
    numbers = _components(voxels, values)
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    groups = sorted(np.split(order, cuts), key=lambda group: int(group[0]))
    return [Stroke(int(values[group[0]]), voxels[group]) for group in groups]


def _components(voxels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Component of each voxel."""
    low, high = voxels.min(0), voxels.max(0) + 1
    ndim = voxels.shape[1]
    few = len(voxels) * SPARSE < math.prod((high - low).tolist())
    if few or ndim not in (2, 3):
        return _components_of_few(voxels - low, values)
    box = np.zeros(high - low, values.dtype)
    places = tuple((voxels - low).T)
    box[places] = values
    return connected_components(box, 26 if ndim == 3 else 8)[places]


def _components_of_few(voxels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Component of each voxel, from the voxels alone; they are in C order."""
    ndim = voxels.shape[1]
    # An empty layer all round: an index plus an offset never reaches another line.
    shape = tuple((voxels.max(0) + 3).tolist())
    index = np.ravel_multi_index(tuple((voxels + 1).T), shape)
    strides = [math.prod(shape[axis + 1 :]) for axis in range(ndim)]
    pairs = []
    for step in product((-1, 0, 1), repeat=ndim):
        if step <= (0,) * ndim:
            continue
        neighbor = index + sum(a * b for a, b in zip(step, strides, strict=True))
        found = np.searchsorted(index, neighbor).clip(max=len(index) - 1)
        joined = (index[found] == neighbor) & (values[found] == values)
        pairs.append(np.stack([np.flatnonzero(joined), found[joined]]))
    ends = np.concatenate(pairs, axis=1)
    n = len(index)
    graph = coo_array((np.ones(ends.shape[1], bool), tuple(ends)), shape=(n, n))
    return graph_components(graph, directed=False)[1]
