"""Pieces of center lines that are one fiber: collinear ends, paired one to one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_sciml.fibers.splitting.pieces import Ends

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Inside = Callable[[Indices], NDArray[np.bool_]]
"""Tells of voxels ``(n, 3)`` whether they are in the mask; the nearest one counts
where one lies beyond the border."""

_REACH = 9.0  # how far apart, in radii, two ends may be
_OVERLAP = 1.0  # how far, in radii, two ends may have passed each other
_MISS = 1.0  # how far aside, in radii, one end may lie of the line of the other,
_DRIFT = 0.12  # and how much more the farther away it is
_BEND = 45.0  # most change of direction, degrees
_OPEN = 3.0  # most background between two ends, in radii
_SAMPLES = 25


@dataclass(frozen=True)
class Joint:
    """An end (2 * piece + side) and the end that goes on from it."""

    first: int
    second: int


def join_ends(ends: Ends, inside: Inside, spacing: Array, radius: float) -> list[Joint]:
    """Pair ends, the best fitting first; every end has one partner at most."""
    point, tangent = ends.point.reshape(-1, 3), ends.tangent.reshape(-1, 3)
    if len(point) < 4:
        return []
    pairs = cKDTree(point).query_pairs(_REACH * radius, output_type="ndarray")
    pairs = pairs[pairs[:, 0] // 2 != pairs[:, 1] // 2]
    cost = _costs(point, tangent, pairs, radius)
    good = np.isfinite(cost)
    pairs, cost = pairs[good], cost[good]
    gap = _background(point[pairs[:, 0]], point[pairs[:, 1]], inside, spacing)
    good = gap <= _OPEN * radius
    pairs, cost = pairs[good], (cost + gap / radius)[good]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], cost))
    return _match(pairs[order])


def _costs(point: Array, tangent: Array, pairs: Indices, radius: float) -> Array:
    """How badly two ends fit, infinite where they are not one fiber."""
    a, b = pairs.T
    step = point[b] - point[a]
    distance = np.linalg.norm(step, axis=1)
    ahead = np.einsum("ij,ij->i", step, tangent[a])
    behind = -np.einsum("ij,ij->i", step, tangent[b])
    miss = np.sqrt(np.maximum(distance**2 - np.minimum(ahead**2, behind**2), 0.0))
    cosine = -np.einsum("ij,ij->i", tangent[a], tangent[b])
    bend = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    allowed = _MISS * radius + _DRIFT * distance
    good = (bend <= _BEND) & (miss <= allowed)
    good &= np.minimum(ahead, behind) >= -_OVERLAP * radius
    cost = miss / allowed + bend / _BEND + distance / (_REACH * radius)
    return np.where(good, cost, np.inf)


def _background(first: Array, second: Array, inside: Inside, spacing: Array) -> Array:
    """Length of the way between two ends that is not in the mask."""
    share = np.linspace(0, 1, _SAMPLES)[None, :, None]
    way = first[:, None] + share * (second - first)[:, None]
    index = np.rint(way / spacing).astype(np.int64).reshape(-1, 3)
    outside = ~inside(index).reshape(way.shape[:2])
    return outside.mean(axis=1) * np.linalg.norm(second - first, axis=1)


def _match(pairs: Indices) -> list[Joint]:
    taken: set[int] = set()
    chain: dict[int, int] = {}
    joints = []
    for first, second in pairs.tolist():
        if first in taken or second in taken:
            continue
        # Two ends of one chain would close it to a ring.
        if _root(chain, first // 2) == _root(chain, second // 2):
            continue
        taken |= {first, second}
        chain[_root(chain, first // 2)] = _root(chain, second // 2)
        joints.append(Joint(first, second))
    return joints


def _root(chain: dict[int, int], piece: int) -> int:
    while chain.get(piece, piece) != piece:
        chain[piece] = chain.get(chain[piece], chain[piece])
        piece = chain[piece]
    return piece


def chains(count: int, joints: list[Joint]) -> list[list[int]]:
    """Rows of joined pieces; each entry is the end (2 * piece + side) entered first."""
    partner = {joint.first: joint.second for joint in joints}
    partner |= {joint.second: joint.first for joint in joints}
    rows, seen = [], np.zeros(count, bool)
    for piece in range(count):
        if seen[piece]:
            continue
        enter = _outermost(2 * piece, partner)
        row = []
        while True:
            row.append(enter)
            seen[enter // 2] = True
            leave = enter ^ 1
            if leave not in partner:
                break
            enter = partner[leave]
        rows.append(row)
    return rows


def _outermost(enter: int, partner: dict[int, int]) -> int:
    while enter in partner:
        enter = partner[enter] ^ 1
    return enter
