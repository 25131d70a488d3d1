"""Keep some strokes aside, to measure what the training never saw."""

from collections import defaultdict

import numpy as np
from scipy import ndimage

from napari_sciml.annotation.strokes import Stroke, find_strokes


def hold_out(
    labels: np.ndarray, *, fraction: float, gap: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split an annotation into a part to train on and a part to test on.

    Whole strokes are held out, at random, class by class, until ``fraction`` of
    the voxels of the class is reached. Training labels nearer than ``gap``
    voxels to a held-out one are dropped: neighbors are nearly copies, and a
    score on them would be a training score. A class with a single stroke, or a
    stroke that holds most of its class, is cut into pieces along its longest
    axis first.

    Parameters
    ----------
    labels
        Annotation, ``(y, x)`` or ``(z, y, x)``, ``uint8``; 0 = not annotated.
    fraction
        Share of each class to hold out, 0 to below 1; 0 holds out nothing.
    gap
        Chessboard distance in voxels that is left between the two parts.
    rng
        Source of randomness.

    Returns
    -------
    train, held_out : ndarray of uint8
        Same shape as ``labels``. A class always keeps some training labels; one
        that is too small to be split has no held-out ones.
    """
    held_out = np.zeros_like(labels)
    by_class: dict[int, list[Stroke]] = defaultdict(list)
    for stroke in find_strokes(labels):
        by_class[stroke.label].append(stroke)
    for label, strokes in sorted(by_class.items()):
        for piece in _choose(_cut_large(strokes, gap), fraction, rng):
            held_out[tuple(piece.voxels.T)] = label
    train = np.where(_grown(held_out > 0, gap), 0, labels).astype(labels.dtype)
    for label, strokes in by_class.items():
        if not (train == label).any():
            held_out[held_out == label] = 0
            for stroke in strokes:
                train[tuple(stroke.voxels.T)] = label
            # It can lie beside a held-out stroke of another class.
            held_out[_grown(train == label, gap)] = 0
    return train, held_out


def _choose(
    strokes: list[Stroke], fraction: float, rng: np.random.Generator
) -> list[Stroke]:
    """Draw strokes until the fraction is reached, always leaving one."""
    wanted = fraction * sum(map(len, strokes))
    chosen: list[Stroke] = []
    size = 0
    for index in rng.permutation(len(strokes))[:-1]:
        if size >= wanted:
            break
        # A stroke that overshoots by more than it brings is passed over.
        if size and size + len(strokes[index]) > 2 * wanted:
            continue
        chosen.append(strokes[index])
        size += len(strokes[index])
    return chosen


def _cut_large(strokes: list[Stroke], gap: int) -> list[Stroke]:
    """Cut strokes that hold over a quarter of their class into pieces."""
    total = sum(map(len, strokes))
    pieces: list[Stroke] = []
    for stroke in strokes:
        parts = 4 if len(stroke) > total / 4 else 1
        pieces.extend(_cut(stroke, parts, gap))
    return pieces


def _cut(stroke: Stroke, parts: int, gap: int) -> list[Stroke]:
    along = np.ptp(stroke.voxels, axis=0)
    axis = int(np.argmax(along))
    length = int(along[axis]) + 1
    # Pieces shorter than the gap would leave nothing to train on.
    parts = min(parts, max(1, length // (2 * gap + 2)))
    start = stroke.voxels[:, axis].min()
    piece = (stroke.voxels[:, axis] - start) * parts // length
    return [Stroke(stroke.label, stroke.voxels[piece == i]) for i in range(parts)]


def _grown(mask: np.ndarray, distance: int) -> np.ndarray:
    size = 2 * distance + 1
    return ndimage.maximum_filter(mask, size=size, mode="constant")
