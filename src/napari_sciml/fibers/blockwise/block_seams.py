"""Which pieces on the two sides of a cut are one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_sciml.fibers.geometry.contacts import shifted

Pairs = NDArray[np.int64]
Faces = tuple[NDArray[np.uint32], ...]
"""First and last plane of a block along z, then along y, then along x."""

_STEPS = {
    6: [(0, 0)],
    18: [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)],
    26: [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)],
}
"""How far a neighbor in the next plane may lie aside."""


def pairs_across(here: NDArray[Any], there: NDArray[Any], connectivity: int) -> Pairs:
    """Pairs of pieces that are neighbors across a cut.

    Parameters
    ----------
    here, there
        The two planes of numbers at a cut, of one shape, 0 = nothing.
    connectivity
        6, 18 or 26.

    Returns
    -------
    ndarray
        ``(m, 2)``, each pair once.
    """
    found = []
    for i, j in _STEPS[connectivity]:
        a, b = shifted(here, there, i, j)
        meet = (a != 0) & (b != 0)
        pairs = np.stack((a[meet], b[meet]), axis=1).astype(np.int64)
        found.append(np.unique(pairs, axis=0))
    return np.unique(np.concatenate(found), axis=0)


def connected_groups(count: int, pairs: Pairs) -> NDArray[np.int64]:
    """Group the numbers 0 to n - 1 that pairs connect.

    Returns
    -------
    ndarray
        ``(n,)`` number of the group of each, from 0.
    """
    ones = np.ones(len(pairs), np.uint8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def faces_of(labels: NDArray[Any]) -> Faces:
    """Give the planes of a block that other blocks lie beside."""
    ends = [(axis, end) for axis in range(3) for end in (0, -1)]
    return tuple(labels.take(end, axis).astype(np.uint32) for axis, end in ends)


class BlockSeams:
    """Remembers the last planes of blocks, which come in C order.

    A neighbor across a corner or an edge belongs to several cuts; here the one along
    the first axis where the two blocks differ counts: so the planes of a cut along z
    are whole planes of the volume, those along y reach over a row of blocks, and
    those along x over one block.

    Parameters
    ----------
    shape
        ``(z, y, x)`` of the volume.
    connectivity
        6, 18 or 26.
    """

    def __init__(self, shape: tuple[int, int, int], connectivity: int) -> None:
        self._shape = shape
        self._connectivity = connectivity
        self._pairs = [np.zeros((0, 2), np.int64)]
        planes = (shape[1:], (0, 0), (0, 0))
        self._before = [np.zeros(plane, np.uint32) for plane in planes]
        self._first = [np.zeros(plane, np.uint32) for plane in planes]
        self._last = [np.zeros(plane, np.uint32) for plane in planes]

    def add(self, region: tuple[slice, ...], faces: Faces) -> None:
        """Take in the faces of the next block."""
        z, y, x = region
        start = [s.start == 0 for s in region]
        if start[2] and start[1]:
            self._open(0, self._shape[1:])
        if start[2]:
            self._open(1, (z.stop - z.start, self._shape[2]))
        self._open(2, (z.stop - z.start, y.stop - y.start))
        for axis, place in ((0, (y, x)), (1, (slice(None), x)), (2, (...,))):
            self._first[axis][place] = faces[2 * axis]
            self._last[axis][place] = faces[2 * axis + 1]
        ends = [s.stop == n for s, n in zip(region, self._shape, strict=True)]
        self._close(2, start[2])
        if ends[2]:
            self._close(1, start[1])
        if ends[2] and ends[1]:
            self._close(0, start[0])

    def pairs(self) -> Pairs:
        """All pairs so far, each once."""
        self._pairs = [np.unique(np.concatenate(self._pairs), axis=0)]
        return self._pairs[0]

    def _open(self, axis: int, plane: tuple[int, ...]) -> None:
        self._before[axis] = self._last[axis]
        self._first[axis] = np.zeros(plane, np.uint32)
        self._last[axis] = np.zeros(plane, np.uint32)

    def _close(self, axis: int, at_start: bool) -> None:
        if not at_start:
            self._pairs.append(
                pairs_across(self._before[axis], self._first[axis], self._connectivity)
            )
        if len(self._pairs) > 1000:
            self.pairs()
