"""Whole center lines, from joined pieces, as evenly spaced nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.splitting.joining import Inside, chains, join_ends
from napari_sciml.fibers.splitting.pieces import (
    Ends,
    find_ends,
    knots_along,
    link_points,
)
from napari_sciml.fibers.splitting.ridges import Ridges

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_SHORTEST = 1.6  # shorter pieces, in radii, are no fibers
_STEP = 0.25  # spacing of nodes, in radii
_LONGER = 0.8  # how far, in radii, a line goes on beyond the last ridge point


@dataclass(frozen=True)
class Lines:
    """Center lines of all fibers.

    Attributes
    ----------
    nodes
        ``(k, 3)``, physical.
    fiber
        ``(k,)`` number of the fiber of each node, 0 to n - 1, ascending.
    of_point
        ``(p,)`` number of the fiber of each ridge point, -1 for none.
    length
        ``(n,)`` of each line, physical.
    """

    nodes: Array
    fiber: Indices
    of_point: Indices
    length: Array


def find_lines(ridges: Ridges, inside: Inside, spacing: Array, radius: float) -> Lines:
    """Link ridge points to pieces and join these to the lines of whole fibers."""
    if not len(ridges.points):
        none = np.zeros(0, np.int64)
        return Lines(np.zeros((0, 3)), none, none, np.zeros(0))
    pieces = link_points(ridges, radius, spacing)
    ends = find_ends(ridges.points, pieces, radius)
    knots = knots_along(ridges.points, pieces, radius)
    number = np.full(len(pieces.length), -1)
    nodes = [np.zeros((0, 3))]
    for row in chains(len(number), join_ends(ends, inside, spacing, radius)):
        members = [end // 2 for end in row]
        if pieces.length[members].sum() < _SHORTEST * radius:
            continue
        number[members] = len(nodes) - 1
        nodes.append(_resampled(_line(row, ends, knots, radius), _STEP * radius))
    counts = [len(line) for line in nodes[1:]]
    fiber = np.repeat(np.arange(len(counts)), counts)
    length = np.array(counts, np.float64) * _STEP * radius
    return Lines(np.concatenate(nodes), fiber, number[pieces.piece], length)


def _line(
    row: list[int], ends: Ends, knots: tuple[Array, Indices], radius: float
) -> Array:
    """Points of a row of pieces, with a tip beyond both of its ends."""
    points, start = knots
    parts = [_beyond(ends, row[0], radius)]
    for end in row:
        piece, side = divmod(end, 2)
        inner = points[start[piece] : start[piece + 1]]
        first, last = ends.point[piece, :1], ends.point[piece, 1:]
        line = np.concatenate((first, inner, last))
        parts.append(line[::-1] if side else line)
    return np.concatenate((*parts, _beyond(ends, row[-1] ^ 1, radius)))


def _beyond(ends: Ends, end: int, radius: float) -> Array:
    piece, side = divmod(end, 2)
    tip = ends.point[piece, side] + _LONGER * radius * ends.tangent[piece, side]
    return np.asarray(tip[None])


def _resampled(line: Array, step: float) -> Array:
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    place = np.concatenate(([0.0], np.cumsum(lengths)))
    wanted = np.linspace(0, place[-1], max(2, int(place[-1] / step) + 1))
    return np.stack([np.interp(wanted, place, axis) for axis in line.T], axis=1)
