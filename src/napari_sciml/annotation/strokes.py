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


def labeled_indices(labels: np.ndarray) -> np.ndarray:
    """Find the annotated voxels, flat in C order ``(n,)``, in one pass.

    As `numpy.flatnonzero`, but many times faster where little is annotated.
    """
    labels = np.ascontiguousarray(labels)
    lines = labels.reshape(math.prod(labels.shape[:-1]), labels.shape[-1])
    filled = np.flatnonzero(lines.any(1))
    line, last = np.nonzero(lines[filled])
    return filled[line] * labels.shape[-1] + last


def labeled_voxels(labels: np.ndarray) -> np.ndarray:
    """Find the coordinates ``(n, ndim)`` of the annotated voxels, in C order."""
    # Column by column: reductions over the voxels are then several times faster.
    return np.stack(np.unravel_index(labeled_indices(labels), labels.shape)).T


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
    groups = positions_by_number(number_strokes(voxels, values))
    return [Stroke(int(values[group[0]]), voxels[group]) for group in groups]


def number_strokes(voxels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Number the strokes from 0 on, in the order of their first voxels.

    Parameters
    ----------
    voxels, values
        As in `strokes_of`.

    Returns
    -------
    ndarray of int
        The stroke of each voxel, ``(n,)``.
    """
    if not len(voxels):
        return np.zeros(0, np.intp)
    components = _components(voxels, values)
    _, first, which = np.unique(components, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[which.reshape(-1)]


def positions_by_number(numbers: np.ndarray) -> list[np.ndarray]:
    """Find where each number of ``(n,)`` stands: ascending positions a number."""
    if not len(numbers):
        return []
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _components(voxels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Component of each voxel."""
    low, high = voxels.min(0), voxels.max(0) + 1
    ndim = voxels.shape[1]
    few = len(voxels) * SPARSE < math.prod((high - low).tolist())
    if few or ndim not in (2, 3):
        return _components_of_few(voxels, values)
    box = np.zeros(high - low, values.dtype)
    places = tuple((voxels - low).T)
    box[places] = values
    return connected_components(box, 26 if ndim == 3 else 8)[places]


def count_strokes(voxels: np.ndarray, values: np.ndarray) -> dict[int, int]:
    """Number of strokes of each label value; parameters as in `strokes_of`."""
    if not len(voxels):
        return {}
    first, number = _components_of_runs(voxels, values)
    _, one_of_each = np.unique(number, return_index=True)
    found, counts = np.unique(values[first[one_of_each]], return_counts=True)
    return {int(v): int(n) for v, n in zip(found, counts, strict=True)}


def _components_of_few(voxels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Component of each voxel, from the voxels alone; they are in C order."""
    first, number = _components_of_runs(voxels, values)
    return np.repeat(number, np.diff(first, append=len(voxels)))


def _components_of_runs(
    voxels: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First voxel and component of each run: voxels of one label, side by side.

    There are many times fewer runs than voxels, and all neighbors of a run in
    another line are one range of the runs.
    """
    ndim = voxels.shape[1]
    # An empty layer all round: an index plus an offset never reaches another line.
    shape = tuple((np.ptp(voxels, axis=0) + 3).tolist())
    index = np.ravel_multi_index(tuple((voxels - voxels.min(0) + 1).T), shape)
    breaks = (np.diff(index) != 1) | (np.diff(values) != 0)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    low, high = index[first], index[np.append(first[1:], len(index)) - 1]
    strides = [math.prod(shape[axis + 1 :]) for axis in range(ndim - 1)]
    pairs = [np.zeros((2, 0), np.intp)]
    for step in product((-1, 0, 1), repeat=ndim - 1):
        if step <= (0,) * (ndim - 1):
            continue
        offset = sum(a * b for a, b in zip(step, strides, strict=True))
        begin = np.searchsorted(high, low + offset - 1)
        end = np.searchsorted(low, high + offset + 1, side="right")
        pairs.append(ranges(begin, end))
    ends = np.concatenate(pairs, axis=1)
    ends = ends[:, values[first][ends[0]] == values[first][ends[1]]]
    n = len(first)
    graph = coo_array((np.ones(ends.shape[1], bool), tuple(ends)), shape=(n, n))
    return first, graph_components(graph, directed=False)[1]


def ranges(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """List all pairs ``(2, n)`` of i and a number in ``range(begin[i], end[i])``."""
    counts = np.maximum(end - begin, 0)
    which = np.repeat(np.arange(len(begin)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([which, begin[which] + within])
