"""Held-out strokes that stay held out while the annotation grows."""

from collections.abc import Sequence

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.annotation.split import divide, hold_out

TRAINED, HELD_OUT = 1, 2


class GrowingSplit:
    """Splits each revision of an annotation; what was held out stays so.

    A class is split by `hold_out` when it is first met. Later, what is painted onto
    a stroke goes where the stroke is, and a new stroke is held out whole where its
    class has fewer than ``fraction`` of its voxels held out by then. So no label that
    members are judged by was ever learned from.

    Parameters
    ----------
    shape
        Of the annotation.
    fraction, gap
        As in `hold_out`.
    rng
        Chooses the first held-out strokes of a class.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        fraction: float,
        gap: int,
        rng: np.random.Generator,
    ) -> None:
        self._fraction, self._gap, self._rng = fraction, gap, rng
        self._sides = Scribbles.empty(shape)

    def update(self, labels: Scribbles) -> tuple[Scribbles, Scribbles]:
        """Split the annotation as it is now.

        Parameters
        ----------
        labels
            Annotation.

        Returns
        -------
        trained, held_out : Scribbles
            As from `hold_out`.
        """
        # 0 where a label is new: it has no side yet.
        sides = self._sides.values_at(labels.indices)
        for label in labels.counts:
            own = labels.values == label
            if sides[own].any():
                sides[own] = self._grow(labels.stroke_numbers[own], sides[own])
            else:
                sides[own] = self._begin(labels.subset(own))
        trained, held_out = divide(labels, sides == HELD_OUT, self._gap)
        # A class that would have had nothing left to learn from got its labels back.
        sides[trained.values_at(labels.indices) > 0] = TRAINED
        self._sides = Scribbles(labels.shape, labels.indices, sides)
        return trained, held_out

    def _begin(self, labels: Scribbles) -> np.ndarray:
        """The side of each label of a class that is met for the first time."""
        _, held_out = hold_out(
            labels, fraction=self._fraction, gap=self._gap, rng=self._rng
        )
        held = held_out.values_at(labels.indices) > 0
        return np.where(held, HELD_OUT, TRAINED)

    def _grow(self, strokes: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """The side of each label of a class, given their strokes and sides so far."""
        _, strokes = np.unique(strokes, return_inverse=True)
        strokes = strokes.reshape(-1)
        size = np.bincount(strokes)
        new, old_held = (
            np.bincount(strokes[sides == side], minlength=len(size))
            for side in (0, HELD_OUT)
        )
        old = size - new
        total, held = int(old.sum()), int(old_held.sum())
        goes = np.zeros(len(size), bool)
        for stroke in np.flatnonzero(new):
            count = int(new[stroke])
            total += count
            if old[stroke]:
                goes[stroke] = 2 * old_held[stroke] > old[stroke]
            else:
                goes[stroke] = held + count <= self._fraction * total
            held += count if goes[stroke] else 0
        fresh = np.where(goes[strokes], HELD_OUT, TRAINED)
        return np.where(sides == 0, fresh, sides)
