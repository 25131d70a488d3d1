"""Intervals of what is computed from many fibers, by drawing them anew."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DRAWS = 1000
LEVEL = 0.95
_CELLS = 1 << 22
_MOST_WORK = 1 << 26
_FEWEST_DRAWS = 200


@dataclass(frozen=True)
class Interval:
    """A number and where it lies with a probability of 95 %.

    Attributes
    ----------
    value
        The number; NaN where it cannot be told.
    low, high
        Percentile bootstrap interval (Efron & Tibshirani, "An Introduction to the
        Bootstrap", 1993, section 13.3); NaN with fewer than two fibers.
    """

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """Write for JSON, with None for NaN."""
        names = ("value", "low", "high")
        numbers = (self.value, self.low, self.high)
        return {
            name: float(number) if np.isfinite(number) else None
            for name, number in zip(names, numbers, strict=True)
        }

    def text(self, digits: int = 3) -> str:
        """Write for people: 45.2 (43.1 to 47.0)."""
        if not np.isfinite(self.value):
            return "unknown"
        size = np.floor(np.log10(abs(self.value))) if self.value else 0
        places = int(np.clip(digits - 1 - size, 0, 12))
        if not np.isfinite(self.low):
            return f"{self.value:,.{places}f}"
        numbers = (self.value, self.low, self.high)
        value, low, high = (f"{number:,.{places}f}" for number in numbers)
        return f"{value} ({low} to {high})"


def interval(value: float, drawn: Array) -> Interval:
    """Make an interval of a number and its values ``(draws,)`` when drawn anew."""
    good = drawn[np.isfinite(drawn)]
    if not good.size:
        return Interval(float(value), np.nan, np.nan)
    low, high = band(good)
    return Interval(float(value), float(low), float(high))


def band(drawn: Array) -> tuple[Array, Array]:
    """Pointwise limits ``(...)`` of values ``(draws, ...)``; NaN without draws."""
    if not len(drawn):
        unknown = np.full(drawn.shape[1:], np.nan)
        return unknown, unknown
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.nanpercentile(drawn, [tail, 100 - tail], axis=0)
    return low, high


Statistic = Callable[[NDArray[np.float32]], Array]
"""Takes ``(k, n)`` numbers of times each fiber counts, gives ``(k, ...)`` values."""


def draw_anew(n: int, statistic: Statistic, *, draws: int = DRAWS, seed: int) -> Array:
    """Compute a statistic of many samples of n fibers, drawn with repetition.

    Parameters
    ----------
    n
        Fibers. Of so many that all draws would take minutes, fewer draws are made,
        200 at least; such samples have narrow intervals anyway.
    statistic
        Is given some samples at a time, to bound the memory.
    draws, seed
        Number of samples; the same seed gives the same samples.

    Returns
    -------
    ndarray
        ``(draws, ...)``; with fewer than two fibers there is nothing to draw: no rows.
    """
    if n < 2:
        return statistic(np.ones((1, n), np.float32))[:0]
    draws = max(min(draws, _MOST_WORK // n), min(draws, _FEWEST_DRAWS))
    return np.concatenate([statistic(counts) for counts in _samples(n, draws, seed)])


def _samples(n: int, draws: int, seed: int) -> Iterator[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // n)
    for first in range(0, draws, step):
        rows = min(step, draws - first)
        chosen = rng.integers(0, n, (rows, n), dtype=np.int32).astype(np.int64)
        chosen += np.arange(rows)[:, None] * n
        counts = np.bincount(chosen.reshape(-1), minlength=rows * n)
        yield counts.reshape(rows, n).astype(np.float32)


def weighted_mean(values: Array, weights: Array) -> Statistic:
    """Statistic: the mean of values ``(n,)`` with weights ``(n,)``."""
    columns = np.stack([values * weights, weights], axis=1)

    def mean(counts: NDArray[np.float32]) -> Array:
        sums = np.asarray(counts @ columns, np.float64)
        return ratio(sums[:, 0], sums[:, 1])

    return mean


def weighted_quantile(values: Array, weights: Array, share: float = 0.5) -> Statistic:
    """Statistic: the value that has this share of the weight up to it."""
    order = np.argsort(values)
    ordered, weight = values[order], weights[order].astype(np.float32)

    def quantile(counts: NDArray[np.float32]) -> Array:
        below = np.cumsum(counts[:, order] * weight, axis=1, dtype=np.float64)
        if not below.shape[1]:
            return np.full(len(counts), np.nan)
        first = (below >= share * below[:, -1:]).argmax(axis=1)
        return np.where(below[:, -1] > 0, ordered[first], np.nan)

    return quantile


def estimate(
    n: int, statistic: Statistic, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Value of a statistic that gives one number, with its interval."""
    value = float(statistic(np.ones((1, n), np.float32))[0])
    return interval(value, draw_anew(n, statistic, draws=draws, seed=seed))


def ratio(above: Array, below: Array) -> Array:
    """Divide; NaN where there is nothing below."""
    return np.asarray(
        np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    )
