"""A place where a filling was tested: what it made, and what is true."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_sciml.filling.polar import ring_numbers
from napari_sciml.filling.scores import Scores, Squares, correlation, logs, squares

RING = 20
"""Hidden pixels that a ring needs."""


@dataclass(frozen=True)
class Place:
    """A tested place.

    Attributes
    ----------
    truth, filled
        Counts of its pixels, ``(n,)``.
    radius
        Their distance from the center in pixels, ``(n,)``.
    squares
        Means of truth and filling over squares.
    """

    truth: np.ndarray
    filled: np.ndarray
    radius: np.ndarray
    squares: Squares

    @classmethod
    def of(
        cls,
        truth: np.ndarray,
        filled: np.ndarray,
        hidden: np.ndarray,
        radius: np.ndarray,
    ) -> "Place":
        """Take it from images ``(y, x)``, where hidden pixels were filled."""
        means = squares(truth, filled, hidden)
        return cls(truth[hidden], filled[hidden], radius[hidden], means)

    @cached_property
    def figures(self) -> Scores:
        """How well it was filled.

        ``cc`` and ``mae`` of log(1 + counts), ``cc7`` and ``error7`` of means over
        7x7 pixels, ``photons``: the relative error of all counts together, and
        ``ring_error``: the median relative error of the means of rings.
        """
        real, made = logs(self.truth), logs(self.filled)
        means = [logs(part) for part in (self.squares.truth, self.squares.filled)]
        total = float(self.truth.sum(dtype=np.float64))
        found = float(self.filled.sum(dtype=np.float64))
        return {
            "error7": self.squares.cost,
            "cc7": correlation(*means),
            "cc": correlation(real, made),
            "mae": float(np.abs(real - made).mean()),
            "photons": found / total - 1 if total > 0 else None,
            "ring_error": _ring_error(self.truth, self.filled, self.radius),
        }


def _ring_error(
    truth: np.ndarray, filled: np.ndarray, radius: np.ndarray
) -> float | None:
    ring = ring_numbers(radius)
    count, real, made = (np.bincount(ring, w) for w in (None, truth, filled))
    usable = (count >= RING) & (real > 0)
    if not usable.any():
        return None
    return float(np.median(np.abs(made[usable] / real[usable] - 1)))
