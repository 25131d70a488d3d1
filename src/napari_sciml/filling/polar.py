"""Means over a neighborhood in polar coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ANGLES = 1440
"""Directions of the grid: a quarter of a degree each."""
RADIAL = 0.8
"""Width of the neighborhood along the radius, in pixels."""
SPREADS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Widths along the angle that are tried, in directions."""


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an image lie in polar coordinates.

    Attributes
    ----------
    radius
        Distance of each pixel from the center in pixels, ``(y, x)``, from the
        nearest pixel on.
    angle
        Its direction in steps of the grid, 0 up to `ANGLES`.
    rings
        Radii of the grid.
    """

    radius: np.ndarray
    angle: np.ndarray
    rings: int

    @classmethod
    def around(cls, center: tuple[float, float], shape: tuple[int, int]) -> "Grid":
        """Make the grid of an image; the center ``(y, x)`` may lie outside of it."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        dy, dx = y - center[0], x - center[1]
        radius = np.hypot(dy, dx).astype(np.float32)
        radius -= np.floor(radius.min())
        angle = np.arctan2(dy, dx) * (ANGLES / (2 * np.pi)) % ANGLES
        return cls(radius, angle.astype(np.float32), int(radius.max()) + 2)

    def gather(self, values: Sequence[np.ndarray], where: np.ndarray) -> np.ndarray:
        """Sum values of pixels into grids ``(value, ring, direction)``, bilinearly."""
        shares = self.shares(where)
        columns = np.stack([part[where] for part in values], axis=1)
        found = shares.T @ columns.astype(np.float64)
        return np.ascontiguousarray(found.T, np.float32).reshape(-1, *self.shape)

    def shares(self, where: np.ndarray, *, turn: int = 0) -> "csr_array":
        """How much of each cell of the grid is in each pixel, bilinearly.

        Times a grid this looks its values up; its transpose sums pixels into a grid.

        Parameters
        ----------
        where
            Pixels, ``(y, x)`` bool.
        turn
            Directions by which they are turned around the center.

        Returns
        -------
        csr_array
            ``(pixel, ring * direction)``.
        """
        from scipy.sparse import csr_array

        radius, angle = self.radius[where], self.angle[where]
        r, a = radius.astype(np.int32), angle.astype(np.int32)
        dr, da = radius - r, angle - a
        a += turn
        cells = np.empty((len(r), 4), np.int32)
        weights = np.empty((len(r), 4), np.float32)
        sides = (
            ((r, 1 - dr), (r + 1, dr)),
            ((a % ANGLES, 1 - da), ((a + 1) % ANGLES, da)),
        )
        for number, ((row, share), (column, part)) in enumerate(product(*sides)):
            cells[:, number] = row * ANGLES + column
            weights[:, number] = share * part
        ends = np.arange(0, cells.size + 1, 4, dtype=np.int32)
        size = (len(r), self.rings * ANGLES)
        return csr_array((weights.ravel(), cells.ravel(), ends), shape=size)

    @property
    def shape(self) -> tuple[int, int]:
        """Rings and directions."""
        return self.rings, ANGLES


class Smoother:
    """Weighted sums of a grid over neighborhoods of any width along the angle.

    Parameters
    ----------
    grid
        ``(ring, direction)``; directions go round.
    """

    def __init__(self, grid: np.ndarray) -> None:
        radial = ndimage.gaussian_filter1d(grid, RADIAL, axis=0, mode="constant")
        self._waves = fft.rfft(radial, axis=1)

    def sums(self, spread: float) -> np.ndarray:
        """Give the sums for a width, in steps."""
        wave = np.arange(self._waves.shape[1])
        weight = np.exp(-2 * (np.pi * spread * wave / ANGLES) ** 2).astype(np.float32)
        found: np.ndarray = fft.irfft(self._waves * weight, ANGLES, axis=1)
        return found


def kernel_peak(spread: float) -> float:
    """Largest weight in such a sum: a single pixel counts so much."""
    return 1 / (2 * np.pi * spread * RADIAL)


def ring_numbers(radius: np.ndarray) -> np.ndarray:
    """Number of the ring that each pixel lies on, from its radius in pixels."""
    return np.round(radius).astype(np.intp)


def ring_means(grid: Grid, values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean of each ring ``(ring,)``, carried over rings of which nothing is known."""
    ring = ring_numbers(grid.radius)[known]
    total = np.bincount(ring, values[known], grid.rings)
    count = np.bincount(ring, minlength=grid.rings)
    there = np.flatnonzero(count)
    means = total[there] / count[there]
    return np.interp(np.arange(grid.rings), there, means)
