"""Fill gaps from the same ring, and from the point across the center."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from napari_sciml.filling.noise import noise_unit
from napari_sciml.filling.polar import (
    ANGLES,
    SPREADS,
    Grid,
    Smoother,
    kernel_peak,
    ring_means,
)

BOTH, RING, ACROSS = 1, 2, 3
"""Where a filled value comes from: its surroundings here and across the center; only
here; or the nearest known pixels on all sides, for nothing is known of its ring."""
PIXELS = (4, 16, 64, 256)
PHOTONS = (100.0, 1600.0, math.inf)
"""Of which as many are averaged, at least; the test chooses among them."""
FEWEST = 2
"""Pixels, however bright they are."""
FLOOR = 1e-3


@dataclass(frozen=True)
class Rule:
    """How a symmetric fill averages.

    The neighborhood grows along the ring until it holds enough.

    Attributes
    ----------
    pixels
        Known pixels that are enough.
    across
        Whether those across the center count.
    photons
        That are enough, too: so a bright spot stays as sharp as its counts allow,
        and is not spread over its surroundings.
    """

    pixels: int
    across: bool
    photons: float = math.inf


class PolarFill:
    """Sums over neighborhoods of an image, from which any `Rule` fills.

    A value is the mean of the ring, times what the known pixels around have over
    theirs. All means are of counts: those of logarithms or roots lose photons.

    Parameters
    ----------
    image
        ``(y, x)`` float32, finite where it is known.
    known
        Where it is.
    wanted
        Which pixels to fill.
    grid
        Where its pixels lie around the center.
    """

    def __init__(
        self,
        image: np.ndarray,
        known: np.ndarray,
        wanted: np.ndarray,
        grid: Grid,
    ) -> None:
        self._wanted = wanted
        self._image, self._known = image, known
        self._unit = noise_unit(image, known)
        means = ring_means(grid, image, known)
        # Where a ring has about no light, a ratio to it would say nothing.
        means = np.maximum(means, FLOOR * np.abs(means).max()).astype(np.float32)
        expected = np.interp(grid.radius, np.arange(len(means)), means)
        self._expected = expected.astype(np.float32)
        values = (image, self._expected, np.ones_like(image))
        self._sums = [Smoother(part) for part in grid.gather(values, known)]
        self._sides = [grid.shares(wanted, turn=turn) for turn in (0, ANGLES // 2)]
        self._looked_up: dict[int, list[np.ndarray]] = {}
        self._by_spread: dict[tuple[int, bool], tuple[np.ndarray, np.ndarray]] = {}

    def fill(self, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
        """Fill by a rule.

        Returns
        -------
        values, source : ndarray
            Of the wanted pixels ``(n,)``, and where each comes from: `BOTH`, `RING`
            or `ACROSS`.
        """
        number = int(self._wanted.sum())
        values = np.zeros(number, np.float32)
        source = np.full(number, ACROSS, np.uint8)
        for across in (False, True) if rule.across else (False,):
            open_ = np.ones(values.shape, bool)
            for spread in SPREADS:
                if not open_.any():
                    break
                found, count = self._at(spread, across)
                least = rule.pixels if spread < SPREADS[-1] else min(rule.pixels, 4)
                photons = count * found / self._unit
                bright = (count >= FEWEST) & (photons >= rule.photons)
                ready = open_ & (bright | (count >= least))
                values[ready] = found[ready]
                source[ready] = BOTH if across else RING
                open_ &= ~ready
        rest = source == ACROSS
        if rest.any():
            values[rest] = self._across_gap[rest]
        return values, source

    @cached_property
    def _across_gap(self) -> np.ndarray:
        return across_gap(self._image, self._known)[self._wanted]

    def _at(self, spread: int, across: bool) -> tuple[np.ndarray, np.ndarray]:
        """Filled values for a width, and how many known pixels they come from."""
        key = (spread, across)
        if key not in self._by_spread:
            here, there = self._sides_at(spread)
            look = here + there if across else here
            ratio = look[0] / np.maximum(look[1], 1e-9 + 1e-6 * look[1].max())
            # Twice, as a Gaussian weighs about twice as many pixels as its peak tells.
            count = 2 * look[2] / kernel_peak(spread)
            self._by_spread[key] = (ratio * self._expected[self._wanted], count)
        return self._by_spread[key]

    def _sides_at(self, spread: int) -> list[np.ndarray]:
        """Sums of counts, expected counts and pixels, ``(3, n)`` on each side."""
        if spread not in self._looked_up:
            grids = np.stack([part.sums(spread).ravel() for part in self._sums], axis=1)
            looked_up = [(side @ grids).T for side in self._sides]
            self._looked_up[spread] = looked_up
        return self._looked_up[spread]


def across_gap(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean of the known pixels around, over as short a distance as holds any.

    Parameters
    ----------
    image
        ``(y, x)`` float32.
    known
        Where it may be used; all is left as it is there.
    """
    filled = np.where(known, image, 0).astype(np.float32)
    weight = known.astype(np.float32)
    todo = ~known
    for spread in (1.5, 3, 6, 12, 24, 48, 96, 192):
        if not todo.any():
            break
        total = ndimage.gaussian_filter(np.where(known, image, 0), spread, truncate=3)
        count = ndimage.gaussian_filter(weight, spread, truncate=3)
        # A single far pixel does not make a mean.
        ready = todo & (count > 0.08)
        filled[ready] = (total[ready] / count[ready]).astype(np.float32)
        todo &= ~ready
    if todo.any():
        filled[todo] = float(image[known].mean())
    return filled
