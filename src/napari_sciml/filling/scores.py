"""How well hidden pixels were filled, and how far a filled one may be off."""

from dataclasses import dataclass

import numpy as np

EDGE = 7
"""Of the squares whose means are compared: shot noise matters less in them."""
FEWEST = 12
"""Hidden pixels that such a square needs."""
BINS = 12
SHARE = 0.6827

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Squares:
    """Means of truth and filling over squares of 7x7 pixels, ``(n,)``."""

    truth: np.ndarray
    filled: np.ndarray
    spread: np.ndarray

    @property
    def cost(self) -> float:
        """What the choice of a method goes by: mean difference of log(1 + counts)."""
        difference = logs(self.truth) - logs(self.filled)
        return float(np.abs(difference).mean()) if len(difference) else np.inf


def squares(
    truth: np.ndarray,
    filled: np.ndarray,
    hidden: np.ndarray,
    spread: np.ndarray | None = None,
) -> Squares:
    """Average over the hidden pixels of each square.

    Parameters
    ----------
    truth, filled, spread
        ``(y, x)``; only hidden pixels are looked at.
    hidden
        ``(y, x)`` bool.
    """
    y, x = np.nonzero(hidden)
    square = y // EDGE * (hidden.shape[1] // EDGE + 1) + x // EDGE
    count = np.bincount(square)
    enough = count >= FEWEST
    if not enough.any():
        enough = count > 0
    parts = [truth, filled, truth if spread is None else spread]
    sums = [np.bincount(square, part[y, x]) for part in parts]
    return Squares(*(total[enough] / count[enough] for total in sums))


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson correlation; None where one does not vary."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def ceiling(first: np.ndarray, second: np.ndarray) -> float | None:
    """Correlation that a perfect filling would reach, for shot noise.

    Parameters
    ----------
    first, second
        Counts of the same pixels in two exposures of the same thing, ``(n,)``.
    """
    found = correlation(logs(first), logs(second))
    return None if found is None or found <= 0 else found**0.5


class Calibration:
    """How far a 7x7 mean of filled values is off, by how bright it is.

    Parameters
    ----------
    tested
        Squares of the hidden pixels.
    """

    def __init__(self, tested: list[Squares]) -> None:
        level = np.concatenate([part.filled for part in tested])
        error = np.concatenate([np.abs(part.filled - part.truth) for part in tested])
        bins = max(1, min(BINS, len(level) // 25))
        parts = np.array_split(np.argsort(level, kind="stable"), bins)
        middle = np.array([np.median(level[part]) for part in parts])
        self._level, first = np.unique(middle, return_index=True)
        self._error = np.array([_share(error[part]) for part in parts])[first]

    def spread(self, filled: np.ndarray) -> np.ndarray:
        """One standard deviation of filled values ``(n,)``."""
        found = np.interp(filled, self._level, self._error)
        top = self._level[-1]
        if top > 0:  # Beyond what was tested, as shot noise grows.
            found = found * np.sqrt(np.maximum(filled / top, 1))
        return np.asarray(found, np.float32)


def coverage(tested: Squares) -> dict[str, float]:
    """Share of the squares that lie within one and two standard deviations."""
    off = np.abs(tested.truth - tested.filled)
    return {
        "within_1_std": float((off <= tested.spread).mean()),
        "within_2_std": float((off <= 2 * tested.spread).mean()),
    }


def _share(errors: np.ndarray) -> float:
    return float(np.quantile(errors, SHARE))


def logs(counts: np.ndarray) -> np.ndarray:
    """Logarithms of 1 + counts; of negative ones, 0."""
    return np.log1p(np.maximum(counts, 0).astype(np.float64))
