"""What the whole of a pattern tells of a pixel: its ring, and what lies across."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from napari_sciml.filling.polar import Grid, ring_numbers

COUNTS, KNOWN, RADIUS, TOTAL, NUMBER, ACROSS, REFLECTED = range(7)
"""Maps of a `Pattern`."""
SMOOTH = 2.0
"""Pixels over which the other side of the center is averaged."""
ENOUGH = 0.3
"""Share of such a neighborhood that must be known."""
MARGIN = 2
"""Pixels around hidden ones in which the other side knows of them."""


class Pattern:
    """Maps of an image, made where they are read: an array-like ``(7, y, x)``.

    Counts; whether they are known; distance from the center in pixels; sum and number
    of the known counts on the same ring; mean of what lies across the center; whether
    enough of that is known. The last two are 0 where the other side does not count.

    Parameters
    ----------
    image
        Counts ``(y, x)`` in units of `noise_unit`.
    known
        Where they may be used.
    center
        ``(y, x)`` in pixels.
    across
        Whether the other side of the center counts.
    """

    ndim = 3
    dtype = np.dtype(np.float32)

    def __init__(
        self,
        image: np.ndarray,
        known: np.ndarray,
        center: tuple[float, float],
        *,
        across: bool,
    ) -> None:
        self.known, self.shape = known, (7, *image.shape)
        self.counts = np.where(known, image, 0).astype(np.float32)
        self.radius = Grid.around(center, (image.shape[0], image.shape[1])).radius
        rings = ring_numbers(self.radius)
        self._total = np.bincount(rings.ravel(), self.counts.ravel())
        self._number = np.bincount(rings.ravel(), known.ravel())
        self._across = np.zeros((2, 1, 1), np.float32)
        if across:
            self._across = _reflected(self.counts, known, center)
        self._across = np.broadcast_to(self._across, (2, *image.shape))

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        """Read the maps of a region, ``(7, …)`` float32."""
        region = key[1:]
        radius = self.radius[region]
        ring = ring_numbers(radius)
        maps = [self.counts[region], self.known[region], radius]
        maps += [self._total[ring], self._number[ring], *self._across[:, *region]]
        return np.stack(maps).astype(np.float32)


def ring_without(
    maps: np.ndarray, hidden: np.ndarray, *, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each pixel's ring, as if hidden pixels were not known.

    Parameters
    ----------
    maps
        Of a `Pattern`, ``(7, y, x)``.
    hidden
        Known pixels of this region that shall not count, ``(y, x)``.
    least
        Known pixels that a mean needs.

    Returns
    -------
    mean, there : ndarray
        ``(y, x)``; the mean is 0 where there is none.
    """
    ring = ring_numbers(maps[RADIUS])
    taken = np.bincount(ring[hidden], maps[COUNTS][hidden], int(ring.max()) + 1)
    fewer = np.bincount(ring[hidden], minlength=int(ring.max()) + 1)
    number = maps[NUMBER] - fewer[ring]
    there = number >= least
    total = np.where(there, maps[TOTAL] - taken[ring], 0)
    return total / np.maximum(number, 1), there


def across_without(maps: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Tell where the other side is known, as if hidden pixels were not.

    Only a region around the center has both sides of a pixel in it.

    Parameters
    ----------
    maps, hidden
        As in `ring_without`.
    """
    there = maps[REFLECTED] > 0
    if maps[RADIUS].min() >= 1 or not hidden.any():
        return there
    middle = np.unravel_index(int(np.argmin(maps[RADIUS])), hidden.shape)
    partners = [2 * m - np.arange(n) for m, n in zip(middle, hidden.shape, strict=True)]
    inside = [(p >= 0) & (p < n) for p, n in zip(partners, hidden.shape, strict=True)]
    lost = np.zeros_like(hidden)
    lost[np.ix_(*inside)] = hidden[
        np.ix_(*(p[i] for p, i in zip(partners, inside, strict=True)))
    ]
    return there & ~ndimage.binary_dilation(lost, iterations=MARGIN)


def _reflected(
    counts: np.ndarray, known: np.ndarray, center: Sequence[float]
) -> np.ndarray:
    """Mean of what lies across the center of each pixel, and whether there is one."""
    y, x = (np.arange(n, dtype=np.float64) for n in counts.shape)
    places = np.meshgrid(2 * center[0] - y, 2 * center[1] - x, indexing="ij")
    weight, total = (
        ndimage.map_coordinates(
            ndimage.gaussian_filter(part.astype(np.float32), SMOOTH, truncate=3),
            places,
            order=1,
        )
        for part in (known, counts)
    )
    there = weight > ENOUGH
    mean = np.where(there, total / np.maximum(weight, ENOUGH), 0)
    return np.stack([mean, there]).astype(np.float32)
