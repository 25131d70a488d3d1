"""Lengths where hardly a fiber is whole: Kaplan-Meier.

Go along a fiber from an end that is seen: either the other end comes, or the border.
Where the border comes does not depend on how long the fiber would be, so that the ends
that are seen are a fair sample of fibers whose lengths are censored on the right. A
whole fiber is two of them, one with a cut end is one, and one without any end none
(Laslett, Biometrika 69, 1982, 631-635, for straight fibers; Kaplan & Meier, J. Am.
Stat. Assoc. 53, 1958, 457-481). It takes what is cut into account, other than
`border`, and needs no fiber to fit into the volume; but it knows nothing beyond the
longest fiber that is seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.statistics.bootstrap import (
    DRAWS,
    Interval,
    Statistic,
    draw_anew,
    interval,
)

Array = NDArray[np.float64]

_FEWEST = 5


@dataclass(frozen=True)
class SurvivalLengths:
    """Lengths by the Kaplan-Meier estimate.

    Attributes
    ----------
    median
        NaN where more than half of the fibers go on beyond what is seen.
    mean
        Up to the longest length seen: too small by what goes on beyond it.
    beyond
        Share of the fibers that are longer than that.
    """

    median: Interval
    mean: Interval
    beyond: float

    def as_dict(self) -> dict[str, Any]:
        """Write for JSON."""
        return {
            "median": self.median.as_dict(),
            "mean": self.mean.as_dict(),
            "share_beyond_longest": self.beyond,
        }


def survival_lengths(
    table: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0
) -> SurvivalLengths | None:
    """Estimate lengths from whole and cut fibers.

    Parameters
    ----------
    table
        From `measure_fibers`, with ``cut_ends``.
    draws, seed
        Of the bootstrap over fibers.

    Returns
    -------
    SurvivalLengths or None
        None with fewer than five whole fibers.
    """
    lengths = table["length"].to_numpy(np.float64)
    cut = table["cut_ends"].to_numpy(np.int64)
    if int((cut == 0).sum()) < _FEWEST:
        return None
    statistic = _curve_numbers(lengths, cut)
    median, mean, beyond = statistic(np.ones((1, len(lengths)), np.float32))[0]
    drawn = draw_anew(len(lengths), statistic, draws=draws, seed=seed)
    return SurvivalLengths(
        interval(float(median), drawn[:, 0]),
        interval(float(mean), drawn[:, 1]),
        float(beyond),
    )


def _curve_numbers(lengths: Array, cut: NDArray[np.int64]) -> Statistic:
    """Statistic: median, mean and what is left at the end of the survival curve."""
    # At equal lengths, ends come before borders.
    order = np.lexsort((cut, lengths))
    places = lengths[order]
    ends, known = (2 - cut)[order], (cut == 0)[order]

    def numbers(counts: NDArray[np.float32]) -> Array:
        seen = counts[:, order] * ends
        at_risk = np.cumsum(seen[:, ::-1], axis=1, dtype=np.float64)[:, ::-1]
        lost = np.where(known, seen, 0.0) / np.maximum(at_risk, 1e-12)
        curve = np.cumprod(1 - lost, axis=1)
        before = np.concatenate([np.ones((len(curve), 1)), curve[:, :-1]], axis=1)
        mean = before @ np.diff(places, prepend=0.0)
        # Rounding leaves a little of a curve that has come down to one half.
        half = curve <= 0.5 + 1e-9
        median = np.where(half.any(axis=1), places[half.argmax(axis=1)], np.nan)
        return np.stack([median, mean, curve[:, -1]], axis=1)

    return numbers
