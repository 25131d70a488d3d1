"""How far apart fibers lie."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float64]

_ASKED = 4  # every so many points of a center line are asked for their neighbors
_FIRST = 16


def nearest_neighbor_spacing(lines: Array, radii: Array) -> Array:
    """Mean distance of each center line to the nearest other one.

    Parameters
    ----------
    lines
        ``(n, m, 3)`` points at equal distances along each center line, physical.
    radii
        ``(n,)`` radii of the fibers: distances are exact to a small part of these.

    Returns
    -------
    ndarray
        ``(n,)`` mean, over points along the fiber, of the distance to the nearest
        point of the center line of any other fiber: what the distance of the centers
        of neighbors is in a cross-section. Parallel fibers that touch have the sum of
        their radii. NaN where there is no other fiber.
    """
    if len(lines) < 2:
        return np.full(len(lines), np.nan)
    dense, owner = _dense_points(lines, np.maximum(radii / 2, 1e-9))
    asked = lines[:, ::_ASKED]
    who = np.repeat(np.arange(len(lines)), asked.shape[1])
    found = _nearest_of_others(cKDTree(dense), owner, asked.reshape(-1, 3), who)
    return np.asarray(found.reshape(len(lines), -1).mean(axis=1))


def _dense_points(lines: Array, steps: Array) -> tuple[Array, NDArray[np.int64]]:
    """Points on each line at most one step apart, and whose they are."""
    pieces = np.diff(lines, axis=1)
    longest = np.linalg.norm(pieces, axis=2).max(axis=1)
    between = np.maximum(np.ceil(longest / steps), 1).astype(np.int64)
    points, owner = [lines[:, -1]], [np.arange(len(lines))]
    for count in np.unique(between):
        some = np.flatnonzero(between == count)
        share = (np.arange(count) / count)[:, None]
        filled = lines[some, :-1, None] + share * pieces[some, :, None]
        points.append(filled.reshape(-1, 3))
        owner.append(np.repeat(some, filled[0].size // 3))
    return np.concatenate(points), np.concatenate(owner)


def _nearest_of_others(
    tree: cKDTree, owner: NDArray[np.int64], asked: Array, who: NDArray[np.int64]
) -> Array:
    """Distance to the nearest point of another owner; more points until one is."""
    nearest = np.full(len(asked), np.inf)
    open_ = np.arange(len(asked))
    count = min(_FIRST, len(owner))
    while open_.size:
        found = []
        # As many points at a time as keep the answers small.
        for part in np.array_split(open_, 1 + open_.size * count // (1 << 22)):
            distance, index = tree.query(asked[part], k=count)
            own = owner[index] == who[part, None]
            found.append(np.where(own, np.inf, distance).min(axis=1))
        nearest[open_] = np.concatenate(found)
        open_ = open_[np.isinf(nearest[open_])]
        count = min(4 * count, len(owner))
    return nearest
