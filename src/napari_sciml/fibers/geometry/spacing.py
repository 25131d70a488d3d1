"""How far apart fibers lie."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float64]

_ASKED = 8  # so many pieces of a center line, at most, are asked for their neighbors
_FIRST = 16


def nearest_neighbor_spacing(
    lines: NDArray[np.floating], radii: Array, rows: NDArray[np.int64] | None = None
) -> Array:
    """Mean distance of each center line to the nearest other one.

    Parameters
    ----------
    lines
        ``(n, m, 3)`` points at equal distances along each center line, physical.
    radii
        ``(n,)`` radii of the fibers: distances are exact to a small part of these.
    rows
        ``(m,)`` the fibers in question; None = all.

    Returns
    -------
    ndarray
        ``(m,)`` mean, over points along the fiber, of the distance to the nearest
        point of the center line of any other fiber: what the distance of the centers
        of neighbors is in a cross-section. Parallel fibers that touch have the sum of
        their radii. NaN where there is no other fiber.
    """
    rows = np.arange(len(lines)) if rows is None else rows
    if len(lines) < 2:
        return np.full(len(rows), np.nan)
    steps = np.maximum(radii / 2, 1e-9)
    dense, owner = _points(lines, steps)
    some = lines[rows]
    asked, who = _points(some, np.maximum(steps[rows], _length(some) / _ASKED))
    found = _nearest_of_others(cKDTree(dense), owner, asked, rows[who])
    return np.bincount(who, found) / np.bincount(who)


def _length(lines: NDArray[np.floating]) -> Array:
    pieces = np.diff(lines[:, ::4], axis=1)
    return np.asarray(np.linalg.norm(pieces, axis=2).sum(axis=1))


def _points(
    lines: NDArray[np.floating], steps: Array
) -> tuple[Array, NDArray[np.int64]]:
    """Points on each line, two or more, about a step apart, and whose they are."""
    pieces = lines.shape[1] - 1
    wanted = np.maximum(np.ceil(_length(lines) / steps), 1).astype(np.int64)
    points, owner = [], []
    for count in np.unique(wanted):
        some = np.flatnonzero(wanted == count)
        place = np.linspace(0, pieces, count + 1)
        before = np.minimum(place.astype(np.int64), pieces - 1)
        share = (place - before)[:, None]
        part = lines[some[:, None], before] * (1 - share)
        part += lines[some[:, None], before + 1] * share
        points.append(part.reshape(-1, 3))
        owner.append(np.repeat(some, count + 1))
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
