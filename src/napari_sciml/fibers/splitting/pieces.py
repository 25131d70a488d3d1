"""Pieces of center lines: points on ridges that follow one another."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from napari_sciml.fibers.splitting.ridges import Ridges

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_LINK = 1.2  # how far apart, in radii, points of one line may be
_LINK_VOXELS = 1.8  # the same in voxels, where these are coarser
_VIEW = 2.0  # how far, in radii, a point looks for the direction of its line
_ASIDE = 0.35  # how far aside of the direction, in radii, a neighbor may be
_TURN = np.cos(np.radians(25))
_FOLDED = 1.5  # scatter within a stretch, in radii, of what is no single line
_CHUNK = 1 << 17  # points whose pairs are in memory at a time
_END = 3.0  # how much of a line, in radii, tells the direction of its end


@dataclass(frozen=True)
class Pieces:
    """Center lines, some points in a row each.

    Attributes
    ----------
    piece
        Number of the piece of each ridge point, ``(n,)``, 0 to m - 1.
    along
        Place of each ridge point along its piece, from 0, physical.
    length
        ``(m,)``, physical.
    """

    piece: Indices
    along: Array
    length: Array


def link_points(ridges: Ridges, radius: float, spacing: Array) -> Pieces:
    """Put ridge points in a row that are near each other and of one direction."""
    points, tangents = ridges.points, ridges.directions
    reach = max(_LINK * radius, _LINK_VOXELS * float(spacing.max()))
    view = max(_VIEW * radius, reach)
    for _ in range(2):
        tangents = _tangents(points, view, tangents, _ASIDE * radius)
    graph = _linked(points, tangents, reach, radius)
    pieces = _measured(graph)
    cut = _folded(points, pieces, radius)[pieces.piece] & (pieces.along < radius)
    if not cut.any():
        return pieces
    open_ = csr_array(diags_array((~cut).astype(np.float64)))
    return _measured(csr_array(open_ @ graph @ open_))


def _folded(points: Array, pieces: Pieces, radius: float) -> NDArray[np.bool_]:
    """Whether both sides of a piece run along together, as those of a ring do."""
    cell, _ = _stretches(pieces, radius)
    number = np.bincount(cell)
    far = np.zeros(len(points))
    for axis in points.T:
        mean = np.bincount(cell, axis) / np.maximum(number, 1)
        far += (axis - mean[cell]) ** 2
    square = np.bincount(pieces.piece, far) / np.bincount(pieces.piece)
    return np.asarray(square > (_FOLDED * radius) ** 2)


def _stretches(pieces: Pieces, radius: float) -> tuple[Indices, Indices]:
    """Stretch of about one radius of each point, and the first one of each piece."""
    bins = np.maximum(1, np.rint(pieces.length / radius)).astype(np.int64)
    first = np.concatenate(([0], np.cumsum(bins)))
    share = pieces.along / np.maximum(pieces.length, 1e-12)[pieces.piece]
    most = bins[pieces.piece]
    inner = np.minimum((share * most).astype(np.int64), most - 1)
    return first[pieces.piece] + inner, first


def _aside(step: Array, direction: Array) -> tuple[Array, Array]:
    """How far steps lead aside of a direction, and along it."""
    along = np.einsum("ij,ij->i", step, direction)
    across = np.einsum("ij,ij->i", step, step) - along**2
    return np.sqrt(np.maximum(across, 0.0)), along


def _near_pairs(points: Array, reach: float) -> Iterator[tuple[Indices, Array]]:
    """Pairs of points within reach, and the steps between, some at a time.

    The points are in the order of their voxels: so those near to some points in a row
    lie in a row, too.
    """
    axis = 0 if np.ptp(points[:, 0]) > 0 else 1
    place = points[:, axis]
    # Points may lie aside of their voxels: nothing after an entry is below it.
    low = np.minimum.accumulate(place[::-1])[::-1]
    for start in range(0, len(points), _CHUNK):
        stop = min(start + _CHUNK, len(points))
        last = np.searchsorted(low, place[start:stop].max() + reach, side="right")
        part = points[start : max(last, stop)]
        pairs = cKDTree(part).query_pairs(reach, output_type="ndarray")
        pairs = pairs[pairs[:, 0] < stop - start]
        yield pairs + start, part[pairs[:, 1]] - part[pairs[:, 0]]


def _linked(points: Array, tangents: Array, reach: float, radius: float) -> csr_array:
    """Graph of the points that are near each other and of one direction."""
    rows, columns, weights = [], [], []
    for pairs, step in _near_pairs(points, reach):
        first, second = tangents[pairs[:, 0]], tangents[pairs[:, 1]]
        good = np.abs(np.einsum("ij,ij->i", first, second)) > _TURN
        good &= _aside(step, first)[0] < _ASIDE * radius
        good &= _aside(step, second)[0] < _ASIDE * radius
        rows.append(pairs[good, 0].astype(np.int32))
        columns.append(pairs[good, 1].astype(np.int32))
        weights.append(np.linalg.norm(step[good], axis=1) + 1e-6 * radius)
    place = (np.concatenate(rows), np.concatenate(columns))
    shape = (len(points), len(points))
    return coo_array((np.concatenate(weights), place), shape=shape).tocsr()


def _tangents(points: Array, view: float, tangents: Array, width: float) -> Array:
    """Principal axis of the neighbors ahead and behind, not of those beside."""
    moments = np.zeros((len(points), 3, 3))
    for pairs, step in _near_pairs(points, view):
        for side in (pairs[:, 0], pairs[:, 1]):
            across, along = _aside(step, tangents[side])
            weight = (across < width + 0.2 * np.abs(along)).astype(np.float64)
            first = int(side.min(initial=0))
            for i in range(3):
                for j in range(i + 1):
                    values = weight * step[:, i] * step[:, j]
                    sums = np.bincount(side - first, values)
                    moments[first : first + len(sums), i, j] += sums
                    if i != j:
                        moments[first : first + len(sums), j, i] += sums
    found = np.linalg.eigh(moments)[1][:, :, 2]
    alone = np.trace(moments, axis1=1, axis2=2) <= 0
    found[alone] = tangents[alone]
    return found


def _measured(graph: csr_array) -> Pieces:
    """Number the pieces; go the shortest way from one end of each to the other."""
    count, piece = connected_components(graph, directed=False)
    start = np.full(count, -1)
    start[piece[::-1]] = np.arange(len(piece))[::-1]
    for _ in range(2):
        along = dijkstra(graph, directed=False, indices=start, min_only=True)
        order = np.lexsort((along, piece))
        last = np.append(np.flatnonzero(np.diff(piece[order])), len(order) - 1)
        start = order[last]
    return Pieces(piece.astype(np.int64), along, along[start])


@dataclass(frozen=True)
class Ends:
    """Both ends of each piece: the first at place 0, the second at the other end.

    Attributes
    ----------
    point, tangent
        ``(m, 2, 3)``: where the line ends, and the unit vector that leads out there.
    """

    point: Array
    tangent: Array


def find_ends(points: Array, pieces: Pieces, radius: float) -> Ends:
    """Fit a straight line to each end."""
    count = len(pieces.length)
    where, out = np.empty((count, 2, 3)), np.empty((count, 2, 3))
    back = pieces.length[pieces.piece] - pieces.along
    for side, depth in enumerate((pieces.along, back)):
        near = depth <= _END * radius
        part, s, p = pieces.piece[near], depth[near], points[near]
        number = np.bincount(part, minlength=count)
        middle: Array = np.bincount(part, s, minlength=count) / number
        spread = s - middle[part]
        square = np.bincount(part, spread**2, minlength=count)
        for axis in range(3):
            mean = np.bincount(part, p[:, axis], minlength=count) / number
            moment = np.bincount(part, spread * p[:, axis], minlength=count)
            slope = moment / np.maximum(square, 1e-12)
            where[:, side, axis] = mean - slope * middle
            out[:, side, axis] = -slope
    norm = np.linalg.norm(out, axis=2, keepdims=True)
    return Ends(where, out / np.maximum(norm, 1e-12))


def knots_along(points: Array, pieces: Pieces, radius: float) -> tuple[Array, Indices]:
    """Mean of the points of each stretch of about one radius.

    Returns
    -------
    knots
        ``(k, 3)``, those of a piece in a row.
    start
        ``(m + 1,)`` first knot of each piece, and the number of knots.
    """
    cell, first = _stretches(pieces, radius)
    number = np.bincount(cell, minlength=first[-1])
    full = number > 0
    sums = [np.bincount(cell, v, minlength=first[-1])[full] for v in points.T]
    knots = np.stack(sums, axis=1) / number[full, None]
    return knots, np.concatenate(([0], np.cumsum(full)))[first]
