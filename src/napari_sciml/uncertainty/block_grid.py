"""A grid of overlapping blocks over an image, and how far they are from points."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region

CELLS = 4
"""Cells along the edge of a block."""
REMEMBERED = 8
"""Visits whose neighborhood still has to wait: half as much after each further one."""


class Grid:
    """Cells of some voxels, and blocks of some cells that overlap by half.

    Parameters
    ----------
    shape
        Of the image.
    edge
        Of a block, in voxels of the finest axis.
    spacing
        Edges of a voxel, in any unit; cubes by default.

    Attributes
    ----------
    cell, cells
        Voxels along the edges of a cell; cells along the axes.
    width, starts
        Cells along the edges of a block; first cells of the blocks along each axis.
    lengths
        Edges of a voxel, in those of the finest axis.

    Raises
    ------
    InputError
        When the spacing does not fit, or the edge is below 1.
    """

    def __init__(
        self, shape: Sequence[int], edge: int, spacing: Sequence[float] | None = None
    ) -> None:
        sizes = np.asarray([1.0] * len(shape) if spacing is None else spacing, float)
        if len(sizes) != len(shape) or not (sizes > 0).all() or edge < 1:
            raise InputError(
                f"Blocks of {edge} voxels of {tuple(sizes)} do not fit an image of "
                f"shape {tuple(shape)}."
            )
        self.shape = tuple(shape)
        self.lengths = sizes / sizes.min()
        edges = np.clip(np.rint(edge / self.lengths), 1, shape).astype(int)
        self.cell = np.maximum(1, edges // CELLS)
        self.cells = tuple(int(n) for n in -(-np.asarray(shape) // self.cell))
        width = np.maximum(1, np.rint(edges / self.cell).astype(int))
        self.width = tuple(int(n) for n in np.minimum(width, self.cells))
        pairs = zip(self.cells, self.width, strict=True)
        self.starts = [_starts(count, width) for count, width in pairs]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return tuple(len(starts) for starts in self.starts)

    def slice_voxels(self, axis: int | None) -> float:
        """Voxels of a slice of a block along an axis, or of the whole block."""
        edges = [min(w * c, n) for w, c, n in self._sizes()]
        return float(np.prod([n for i, n in enumerate(edges) if i != axis]))

    def spans(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """First voxel, and the one after the last, of the blocks along an axis."""
        start = self.starts[axis] * self.cell[axis]
        stop = start + self.width[axis] * self.cell[axis]
        return start, np.minimum(stop, self.shape[axis])

    def box(self, block: Sequence[int | np.integer]) -> Region:
        """The voxels of a block."""
        spans = [self.spans(axis) for axis in range(len(self.shape))]
        return tuple(
            slice(int(start[i]), int(stop[i]))
            for (start, stop), i in zip(spans, block, strict=True)
        )

    def sum_cells(self, values: np.ndarray) -> np.ndarray:
        """Sum over cells; whole rows of cells along the first axis are given."""
        for axis, deep in enumerate(self.cell):
            starts = np.arange(0, values.shape[axis], deep)
            values = np.add.reduceat(values, starts, axis=axis)
        return values

    def cells_of(self, voxels: np.ndarray | None) -> np.ndarray:
        """bool: the cells that hold one of these voxels, ``(n, ndim)``."""
        held = np.zeros(self.cells, bool)
        if voxels is not None and len(voxels):
            held[tuple((np.asarray(voxels) // self.cell).T)] = True
        return held

    def distance(self, point: Sequence[int], axis: int | None) -> np.ndarray:
        """From the middle voxels of all blocks, in edges of the finest voxel axis.

        Along the slider axis it counts from the whole block, as the slice can be
        any of it.
        """
        squares = []
        for i, position in enumerate(point):
            start, stop = self.spans(i)
            near = np.clip(position, start, stop - 1)
            from_ = near if i == axis else (start + stop) // 2
            squares.append(((from_ - position) * self.lengths[i]) ** 2)
        return np.sqrt(reduce(np.add.outer, squares))

    def _sizes(self) -> list[tuple[int, int, int]]:
        return list(zip(self.width, map(int, self.cell), self.shape, strict=True))


def apart(
    grid: Grid, point: Sequence[int], radius: float, axis: int | None
) -> np.ndarray:
    """bool, one a block: no closer to a point than this."""
    return np.asarray(grid.distance(point, axis) >= radius)


def damped(
    grid: Grid, visited: Sequence[Sequence[int]], radius: float, axis: int | None
) -> np.ndarray:
    """Weight of each block: less near the last visits, so that the next is elsewhere.

    Parameters
    ----------
    visited
        Spots, the oldest first.
    radius
        Where it has grown back to about two thirds after the last visit.
    axis
        As in `Grid.distance`.
    """
    weight = np.ones(grid.blocks, np.float32)
    for age, point in enumerate(visited[: -REMEMBERED - 1 : -1]):
        near = np.exp(-((grid.distance(point, axis) / radius) ** 2))
        weight *= 1 - near * 0.5**age
    return weight


def _starts(count: int, width: int) -> np.ndarray:
    """First cells of blocks that overlap by half; the last one ends with the image."""
    last = count - width
    return np.unique(np.append(np.arange(0, last + 1, max(1, width // 2)), last))
