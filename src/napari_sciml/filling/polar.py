"""Means over a neighborhood in polar coordinates."""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

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

    def gather(self, values: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Sum values of pixels into the grid ``(ring, direction)``, bilinearly."""
        radius, angle = self.radius[where], self.angle[where]
        r, a = radius.astype(np.intp), angle.astype(np.intp)
        dr, da = radius - r, angle - a
        out = np.zeros(self.rings * ANGLES)
        for row, share in ((r, 1 - dr), (r + 1, dr)):
            for column, part in ((a, 1 - da), (a + 1, da)):
                index = row * ANGLES + column % ANGLES
                weight = values[where] * share * part
                out += np.bincount(index, weight, self.rings * ANGLES)
        return out.reshape(self.rings, ANGLES).astype(np.float32)

    def look_up(self, grid: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Give the grid's values at pixels, bilinearly."""
        wrapped = np.concatenate([grid, grid[:, :1]], axis=1)
        places = np.stack([self.radius[where], self.angle[where]])
        found: np.ndarray = ndimage.map_coordinates(wrapped, places, order=1)
        return found


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

    def sums(self, spread: float, *, across: bool) -> np.ndarray:
        """Give the sums for a width, in steps; with those across the center or not."""
        wave = np.arange(self._waves.shape[1])
        weight = np.exp(-2 * (np.pi * spread * wave / ANGLES) ** 2)
        if across:  # A turn by half of the circle, added.
            weight = weight * (1 + (-1.0) ** wave)
        return fft.irfft(self._waves * weight.astype(np.float32), ANGLES, axis=1)


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
