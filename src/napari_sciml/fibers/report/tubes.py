"""Fibers as tubes round their center lines, for a view in space."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIDES = 8
RINGS = 9
"""Along a fiber: a bend of a quarter circle is met to 2 % of its radius."""


class Mesh(NamedTuple):
    """Triangles in space.

    Attributes
    ----------
    vertices
        ``(n, 3)``, in the order of the axes of the lines.
    faces
        ``(m, 3)`` numbers of vertices.
    owners
        ``(n,)`` index of the fiber that a vertex belongs to.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int64]
    owners: NDArray[np.int64]


def tubes(lines: ArrayLike, radii: ArrayLike) -> Mesh:
    """Build a closed tube round each line.

    Parameters
    ----------
    lines
        ``(fiber, point, 3)``.
    radii
        ``(fiber,)``, in the unit of the lines.
    """
    lines, radii = np.asarray(lines, float), np.asarray(radii, float)
    count = len(lines)
    if not count:
        empty = np.zeros((0, 3))
        return Mesh(empty.astype(np.float32), empty.astype(int), np.zeros(0, int))
    rings = min(RINGS, lines.shape[1])
    points = lines[:, np.linspace(0, lines.shape[1] - 1, rings).round().astype(int)]
    first, second = _across(points)
    turn = 2 * np.pi * np.arange(SIDES) / SIDES
    around = (
        np.cos(turn)[:, None] * first[:, :, None]
        + np.sin(turn)[:, None] * second[:, :, None]
    )
    walls = points[:, :, None] + radii[:, None, None, None] * around
    ends = points[:, [0, -1]]
    each = np.concatenate((walls.reshape(count, -1, 3), ends), axis=1)
    size = each.shape[1]
    faces = _faces(rings) + size * np.arange(count)[:, None, None]
    return Mesh(
        each.reshape(-1, 3).astype(np.float32),
        faces.reshape(-1, 3),
        np.repeat(np.arange(count), size),
    )


def _across(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across each line at each point, that turn with it."""
    along = np.gradient(points, axis=1)
    along /= np.linalg.norm(along, axis=-1, keepdims=True).clip(1e-12)
    start = np.eye(3)[np.abs(along[:, 0]).argmin(1)]
    first = np.empty_like(along)
    for place in range(points.shape[1]):
        now = along[:, place]
        start = start - (start * now).sum(1, keepdims=True) * now
        start /= np.linalg.norm(start, axis=1, keepdims=True).clip(1e-12)
        first[:, place] = start
    return first, np.cross(along, first)


def _faces(rings: int) -> np.ndarray:
    """Triangles of one tube: its wall, and a fan at each end."""
    side = np.arange(SIDES)
    following = (side + 1) % SIDES
    ring = SIDES * np.arange(rings - 1)[:, None]
    low, low_next = ring + side, ring + following
    high, high_next = low + SIDES, low_next + SIDES
    wall = np.stack([low, high, low_next, low_next, high, high_next], -1)
    last, center = SIDES * (rings - 1), SIDES * rings
    begin = np.stack([np.full(SIDES, center), side, following], -1)
    end = np.stack([np.full(SIDES, center + 1), last + following, last + side], -1)
    return np.concatenate((wall.reshape(-1, 3), begin, end))
