"""Every voxel goes to the nearest center line in its piece of the mask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_sciml.fibers.splitting.lines import Lines
from napari_sciml.fibers.splitting.ridges import Ridges

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_CHUNK = 1 << 20
_FAR = 2.0  # voxels farther from every line than so many radii are of no fiber,
_CLUMP = 25.0  # if so large a part of them, in cubic radii, hangs together


def nearest_fibers(
    index: NDArray[np.intp],
    component: NDArray[Any],
    lines: Lines,
    ridges: Ridges,
    ridge_component: NDArray[Any],
    spacing: Array,
) -> tuple[Indices, NDArray[np.float32]]:
    """Fiber of each voxel, -1 where its component has none, and the distance."""
    found = np.full(len(index), -1, np.int64)
    far = np.full(len(index), np.inf, np.float32)
    if not len(lines.nodes):
        return found, far
    known = lines.of_point >= 0
    fibers = int(lines.fiber.max()) + 1
    held = np.unique(
        ridge_component[known].astype(np.int64) * fibers + lines.of_point[known]
    )
    tree = cKDTree(lines.nodes)
    own = _tree_by_component(ridges.points[known], ridge_component[known])
    owner = lines.of_point[known]
    has_fiber = np.unique(ridge_component[known])
    for first in range(0, len(index), _CHUNK):
        part = slice(first, first + _CHUNK)
        points, group = index[part] * spacing, component[part].astype(np.int64)
        distance, node = tree.query(points)
        fiber = lines.fiber[node]
        wrong = np.flatnonzero(~np.isin(group * fibers + fiber, held))
        if wrong.size:
            distance[wrong], fiber[wrong] = np.inf, -1
            wrong = wrong[np.isin(group[wrong], has_fiber)]
            place = _with_component(points[wrong], group[wrong])
            distance[wrong], node = own.query(place)
            fiber[wrong] = owner[node]
        found[part], far[part] = fiber, distance
    return found, far


def _tree_by_component(points: Array, component: NDArray[Any]) -> cKDTree:
    return cKDTree(_with_component(points, component))


def _with_component(points: Array, component: NDArray[Any]) -> Array:
    """A fourth coordinate that keeps points of other components far away."""
    return np.column_stack((points, component * 1e6))
