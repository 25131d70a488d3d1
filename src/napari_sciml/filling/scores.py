"""How well hidden pixels were filled, and how far a filled one may be off."""

from dataclasses import dataclass

import numpy as np

EDGE = 7
"""Of the squares whose means are compared: shot noise matters less in them."""
FEWEST = 12
"""Hidden pixels that such a square needs."""
BINS = 12
SHARE = 0.6827
RING = 20
"""Hidden pixels that a ring needs."""


@dataclass(frozen=True)
class Squares:
    """Means of truth and filling over squares of 7x7 pixels, ``(n,)``."""

    truth: np.ndarray
    filled: np.ndarray
    spread: np.ndarray

    @property
    def cost(self) -> float:
        """What the choice of a method goes by: mean difference of log(1 + counts)."""
        difference = _log(self.truth) - _log(self.filled)
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
    count = _sums(hidden.astype(np.float64))
    enough = count >= FEWEST
    if not enough.any():
        enough = count > 0
    parts = [truth, filled, truth if spread is None else spread]
    means = [
        _sums(np.where(hidden, part, 0.0))[enough] / count[enough] for part in parts
    ]
    return Squares(*means)


def score(
    truth: np.ndarray, filled: np.ndarray, hidden: np.ndarray, radius: np.ndarray
) -> dict[str, float | None]:
    """Compare a filling with the truth.

    Parameters
    ----------
    truth, filled
        Counts, ``(y, x)``.
    hidden
        Pixels that are compared.
    radius
        Distance from the center in pixels.

    Returns
    -------
    dict
        ``cc`` and ``mae`` of log(1 + counts), ``cc7`` of means over 7x7 pixels,
        ``photons``: the relative error of all counts together, and ``ring_error``:
        the median relative error of the means of rings.
    """
    a, b = _log(truth[hidden]), _log(filled[hidden])
    means = squares(truth, filled, hidden)
    total = float(truth[hidden].sum(dtype=np.float64))
    found = float(filled[hidden].sum(dtype=np.float64))
    return {
        "cc": correlation(a, b),
        "cc7": correlation(_log(means.truth), _log(means.filled)),
        "mae": float(np.abs(a - b).mean()),
        "photons": found / total - 1 if total > 0 else None,
        "ring_error": _ring_error(truth[hidden], filled[hidden], radius[hidden]),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson correlation; None where one does not vary."""
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def ceiling(first: np.ndarray, second: np.ndarray) -> float | None:
    """Correlation that a perfect filling would reach, for shot noise.

    Parameters
    ----------
    first, second
        Counts of the same pixels in two exposures of the same thing, ``(n,)``.
    """
    found = correlation(_log(first), _log(second))
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


def _sums(values: np.ndarray) -> np.ndarray:
    rows, columns = (-(-n // EDGE) * EDGE for n in values.shape)
    whole = np.zeros((rows, columns))
    whole[: values.shape[0], : values.shape[1]] = values
    return whole.reshape(rows // EDGE, EDGE, columns // EDGE, EDGE).sum((1, 3))


def _log(counts: np.ndarray) -> np.ndarray:
    return np.log1p(np.maximum(counts, 0).astype(np.float64))


def _ring_error(
    truth: np.ndarray, filled: np.ndarray, radius: np.ndarray
) -> float | None:
    ring = np.round(radius).astype(np.intp)
    count, real, made = (np.bincount(ring, w) for w in (None, truth, filled))
    usable = (count >= RING) & (real > 0)
    if not usable.any():
        return None
    return float(np.median(np.abs(made[usable] / real[usable] - 1)))
