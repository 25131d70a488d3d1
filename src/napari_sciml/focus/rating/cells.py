"""A coarse picture of a rating: cells that are a few to a tile."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from napari_sciml.focus.rating.result import FocusResult

Array = np.ndarray[Any, np.dtype[Any]]
CELLS = 6
"""Along a tile (or stride): the last tiles are moved back, so tiles overlap there."""
SMALLEST = 8
"""Edge of a cell in pixels, about."""


@dataclass(frozen=True)
class CellGrid:
    """Cells of equal size that cover a plane exactly.

    A cell belongs to the tile whose center is nearest to its own.

    Attributes
    ----------
    shape
        Pixels ``(y, x)`` of the plane.
    ys, xs, tile
        First pixels of the tiles, and their edge.
    cells
        Cells along y and x.
    """

    shape: tuple[int, int]
    ys: Array
    xs: Array
    tile: int
    cells: tuple[int, int]

    @classmethod
    def of(cls, result: FocusResult) -> "CellGrid":
        """Make the grid of a rating."""
        steps = [int(np.diff(a[:2])[0]) for a in (result.ys, result.xs) if len(a) > 1]
        pitch = max(min([result.tile, *steps]) / CELLS, SMALLEST)
        y, x = (max(1, round(length / pitch)) for length in result.shape)
        return cls(result.shape, result.ys, result.xs, result.tile, (y, x))

    @property
    def pitch(self) -> tuple[float, float]:
        """Edges of a cell in pixels."""
        return self.shape[0] / self.cells[0], self.shape[1] / self.cells[1]

    def spread(self, values: Array) -> Array:
        """From a value a tile, ``(…, rows, columns)``, to one a cell."""
        rows, columns = self._tiles
        return values[..., rows[:, None], columns[None, :]]

    def cell_at(self, y: Array, x: Array) -> tuple[Array, Array]:
        """Row and column of the cells that hold pixels."""
        pairs = zip((y, x), self.cells, self.shape, strict=True)
        row, column = (
            # Twice the center of a pixel, to stay with whole numbers.
            (2 * np.asarray(at, np.int64) + 1) * cells // (2 * length)
            for at, cells, length in pairs
        )
        return row, column

    @cached_property
    def _tiles(self) -> tuple[Array, Array]:
        """Row of tiles of every row of cells; the same of columns."""
        pairs = zip((self.ys, self.xs), self.cells, self.pitch, strict=True)
        rows, columns = (
            _nearest((np.arange(cells) + 0.5) * pitch, firsts + self.tile / 2)
            for firsts, cells, pitch in pairs
        )
        return rows, columns


def _nearest(points: Array, centers: Array) -> Array:
    return np.abs(points[:, None] - centers[None, :]).argmin(axis=1)
