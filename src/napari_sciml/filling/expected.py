"""How good a filling is in gaps whose truth nobody knows, by places where it is known.

A correlation tells less of a filling than of how much the counts vary where it is
measured: next to the beam it is 0.99, a hand away, with the same errors, 0.6. So what
a test measures is how far fillings are off by their brightness, and from that follows
what the gaps, as bright as they were filled, should show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from napari_sciml.filling.place import Place
from napari_sciml.filling.scores import Scores, logs

BINS = 16
FEW = 30
"""Values that a bin needs."""
SURE = 0.95
"""Share of places in which a figure shall be as stated."""
LARGEST = 1 - 1e-6


@dataclass(frozen=True)
class Gaps:
    """What was filled in, counts ``(n,)``: pixels, and means over squares."""

    pixels: np.ndarray
    squares: np.ndarray


class Level:
    """How far fillings are off, by how bright they are.

    Parameters
    ----------
    truth, filled
        Counts ``(n,)`` where both are known.
    """

    def __init__(self, truth: np.ndarray, filled: np.ndarray) -> None:
        real, made = logs(truth), logs(filled)
        bins = max(1, min(BINS, len(made) // FEW))
        parts = np.array_split(np.argsort(made, kind="stable"), bins)
        level = np.array([made[part].mean() for part in parts])
        self._level, first = np.unique(level, return_index=True)
        found = [_off(real[p], made[p], truth[p], filled[p]) for p in parts]
        self._above, self._noise, self._size, self._lack = np.array(found)[first].T

    def correlation(self, filled: np.ndarray) -> float | None:
        """Expected of the logarithms of fillings and truth."""
        made = logs(filled)
        if len(made) < 2 or made.min() == made.max():
            return None
        real = made + self._at(made, self._above)
        spread = made.std() * np.sqrt(real.var() + self._at(made, self._noise).mean())
        return float(np.cov(made, real, bias=True)[0, 1] / spread)

    def error(self, filled: np.ndarray) -> float:
        """Expected mean difference of the logarithms."""
        return float(self._at(logs(filled), self._size).mean())

    def photons(self, filled: np.ndarray) -> float | None:
        """Expected relative error of all counts together."""
        total = float(filled.sum(dtype=np.float64))
        real = float((filled * (1 + self._at(logs(filled), self._lack))).sum())
        return total / real - 1 if total > 0 and real > 0 else None

    def _at(self, made: np.ndarray, curve: np.ndarray) -> np.ndarray:
        return np.interp(made, self._level, curve)


def expected(places: Sequence[Place], gaps: Gaps) -> tuple[Scores, Scores]:
    """Tell what to expect in the gaps.

    Parameters
    ----------
    places
        At least one.
    gaps
        What was filled in.

    Returns
    -------
    figures, errors : dict
        As `Place.figures`; and how far each may be off: half of the interval of
        Student's t in which a share `SURE` lies, when each place is foretold from the
        others. None for a single place.
    """
    told = _foretold(places, gaps)
    if len(places) < 2:
        return told, dict.fromkeys(told)
    pairs = []
    for number, place in enumerate(places):
        others = [*places[:number], *places[number + 1 :]]
        there = Gaps(place.filled, place.squares.filled)
        pairs.append((place.figures, _foretold(others, there)))
    return told, {
        name: _half_width(
            value,
            [(real[name], guess[name]) for real, guess in pairs],
            correlated=name in ("cc", "cc7"),
        )
        for name, value in told.items()
    }


def _foretold(places: Sequence[Place], gaps: Gaps) -> Scores:
    pixels = Level(
        np.concatenate([place.truth for place in places]),
        np.concatenate([place.filled for place in places]),
    )
    squares = Level(
        np.concatenate([place.squares.truth for place in places]),
        np.concatenate([place.squares.filled for place in places]),
    )
    rings = [place.figures["ring_error"] for place in places]
    known = [ring for ring in rings if ring is not None]
    return {
        "error7": squares.error(gaps.squares),
        "cc7": squares.correlation(gaps.squares),
        "cc": pixels.correlation(gaps.pixels),
        "mae": pixels.error(gaps.pixels),
        "photons": pixels.photons(gaps.pixels),
        "ring_error": float(np.mean(known)) if known else None,
    }


def _half_width(
    value: float | None,
    pairs: Sequence[tuple[float | None, float | None]],
    *,
    correlated: bool,
) -> float | None:
    known = np.array([pair for pair in pairs if None not in pair], float)
    if value is None or len(known) < 2:
        return None
    if correlated:  # Fisher's transform: its errors are alike everywhere.
        known = np.arctanh(np.clip(known, -LARGEST, LARGEST))
    off = np.sqrt(np.mean((known[:, 0] - known[:, 1]) ** 2))
    n = len(known)
    wide = stdtrit(n - 1, (1 + SURE) / 2) * off * np.sqrt(1 + 1 / n)
    if correlated:
        wide = min(value - np.tanh(np.arctanh(min(value, LARGEST)) - wide), 1.0)
    return float(wide)


def _off(
    real: np.ndarray, made: np.ndarray, truth: np.ndarray, filled: np.ndarray
) -> tuple[float, float, float, float]:
    """Mean, variance and mean size of log(truth) - log(filling); counts that lack."""
    off, total = real - made, float(filled.sum(dtype=np.float64))
    lack = float(truth.sum(dtype=np.float64)) / total - 1 if total > 0 else 0.0
    return off.mean(), off.var(), np.abs(off).mean(), lack
