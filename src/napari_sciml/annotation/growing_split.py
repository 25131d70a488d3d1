"""Held-out strokes that stay held out while the annotation grows."""

from collections.abc import Sequence

import numpy as np

from napari_sciml.annotation.split import divide, hold_out
from napari_sciml.annotation.strokes import Stroke, find_strokes

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
        self._side = np.zeros(tuple(shape), np.uint8)

    def update(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split the annotation as it is now.

        Parameters
        ----------
        labels
            Annotation, uint8; 0 = not annotated.

        Returns
        -------
        trained, held_out : ndarray of uint8
            As from `hold_out`.
        """
        self._side[labels == 0] = 0
        strokes = find_strokes(labels)
        for label in sorted({stroke.label for stroke in strokes}):
            own = [stroke for stroke in strokes if stroke.label == label]
            sides = [self._side[tuple(stroke.voxels.T)] for stroke in own]
            if any(side.any() for side in sides):
                self._grow(own, sides)
            else:
                self._begin(own, labels)
        places = [stroke.voxels for stroke in strokes]
        voxels = np.concatenate([np.zeros((0, labels.ndim), np.intp), *places])
        held = self._side[tuple(voxels.T)] == HELD_OUT
        trained, held_out = divide(labels, voxels, held, self._gap)
        # A class that would have had nothing left to learn from got its labels back.
        self._side[trained > 0] = TRAINED
        return trained, held_out

    def _begin(self, strokes: list[Stroke], labels: np.ndarray) -> None:
        alone = np.zeros_like(labels)
        for stroke in strokes:
            alone[tuple(stroke.voxels.T)] = stroke.label
        _, held_out = hold_out(
            alone, fraction=self._fraction, gap=self._gap, rng=self._rng
        )
        self._side[alone > 0] = TRAINED
        self._side[held_out > 0] = HELD_OUT

    def _grow(self, strokes: list[Stroke], sides: list[np.ndarray]) -> None:
        total = sum(int(np.count_nonzero(side)) for side in sides)
        held = sum(int((side == HELD_OUT).sum()) for side in sides)
        for stroke, side in zip(strokes, sides, strict=True):
            new = side == 0
            if not new.any():
                continue
            count = int(new.sum())
            total += count
            if new.all():
                goes = held + count <= self._fraction * total
            else:
                goes = 2 * int((side == HELD_OUT).sum()) > int((~new).sum())
            held += count if goes else 0
            place = tuple(stroke.voxels[new].T)
            self._side[place] = HELD_OUT if goes else TRAINED
