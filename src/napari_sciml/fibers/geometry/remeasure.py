"""Some fibers measured anew, after a change, without a pass over the volume."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from napari_sciml.fibers.geometry.spacing import nearest_neighbor_spacing
from napari_sciml.fibers.geometry.voxels import SortedVoxels

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Box = tuple[slice, ...]

_ASKED = 8
_FINER = 8


def find_boxes(labels: NDArray[Any]) -> dict[int, Box]:
    """Find the bounding box of each label that occurs."""
    found = ndimage.find_objects(labels)
    return {name: box for name, box in enumerate(found, start=1) if box is not None}


def box_around(position: Indices, shape: tuple[int, ...]) -> Box:
    """Bounding box of some voxels, given by their flat indices."""
    index = np.unravel_index(position, shape)
    return tuple(slice(int(i.min()), int(i.max()) + 1) for i in index)


def union(one: Box | None, other: Box) -> Box:
    """Smallest box that holds both."""
    if one is None:
        return other
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(one, other, strict=True)
    )


def voxels_of(labels: NDArray[Any], name: int, box: Box) -> Indices:
    """Flat indices of a label in raster order; it lies inside the box."""
    index = np.nonzero(labels[box] == name)
    places = tuple(i + side.start for i, side in zip(index, box, strict=True))
    return np.ravel_multi_index(places, labels.shape).astype(np.int64)


def gather(labels: NDArray[Any], boxes: Mapping[int, Box]) -> SortedVoxels:
    """Voxels of those labels that occur, from their boxes."""
    names = sorted(boxes)
    parts = [voxels_of(labels, name, boxes[name]) for name in names]
    counts = np.array([len(part) for part in parts], np.int64)
    present = counts > 0
    return SortedVoxels(
        np.array(names, np.int64)[present],
        np.concatenate([np.zeros(0, np.int64), *parts]),
        np.concatenate(([0], np.cumsum(counts[present]))),
    )


def neighbors_of(labels: NDArray[Any], position: Indices) -> set[int]:
    """Labels, but 0, at some voxels and all around them."""
    flat, found = labels.reshape(-1), set()
    index = np.stack(np.unravel_index(position, labels.shape))
    last = np.array(labels.shape)[:, None] - 1
    for offset in product((-1, 0, 1), repeat=labels.ndim):
        # At the border, this gives a voxel that is a neighbor just as well.
        near = np.clip(index + np.array(offset)[:, None], 0, last)
        found.update(np.unique(flat[np.ravel_multi_index(near, labels.shape)]).tolist())
    return found - {0}


def place_along(line: NDArray[np.floating], points: Array) -> Indices:
    """Where along a center line points ``(m, 3)`` lie: fine steps from its start."""
    number = np.arange(len(line))
    where = np.linspace(0, len(line) - 1, (len(line) - 1) * _FINER + 1)
    axes = [np.interp(where, number, axis) for axis in line.T]
    return np.asarray(cKDTree(np.stack(axes, axis=1)).query(points)[1], np.int64)


def spacing_of(
    rows: Iterable[int], lines: NDArray[np.floating], radii: Array
) -> dict[int, float]:
    """Mean distance to the nearest other center line, of some of all fibers.

    Parameters
    ----------
    rows
        The fibers in question.
    lines, radii
        Of all fibers, as in `nearest_neighbor_spacing`.
    """
    found = {}
    low, high = lines.min(axis=1), lines.max(axis=1)
    for row in rows:
        near = _candidates(row, lines, low, high)
        some = np.concatenate(([row], near)).astype(np.int64)
        spacing = nearest_neighbor_spacing(lines[some], radii[some], np.array([0]))
        found[row] = float(spacing[0])
    return found


def _candidates(
    row: int, lines: NDArray[np.floating], low: Array, high: Array
) -> Indices:
    """Fibers that can be the nearest anywhere along one of them."""
    gap = np.maximum(np.maximum(low - high[row], low[row] - high), 0.0)
    least = np.linalg.norm(gap, axis=1)
    least[row] = np.inf
    others = np.argsort(least, kind="stable")[: min(_ASKED, len(lines) - 1)]
    if not len(others):
        return others
    line = lines[row]
    farthest = cdist(line, lines[others].reshape(-1, 3)).min(axis=1).max()
    step = np.linalg.norm(np.diff(line, axis=0), axis=1).max()
    return np.flatnonzero(least <= farthest + step)
