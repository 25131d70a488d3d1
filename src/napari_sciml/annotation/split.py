"""Keep some labels aside, to measure what the training never saw."""

from collections import defaultdict
from typing import Literal

import numpy as np

from napari_sciml.annotation.blocks import is_near, number_blocks
from napari_sciml.annotation.scribbles import (
    Labels,
    Scribbles,
    as_scribbles,
    in_kind_of,
)
from napari_sciml.annotation.strokes import Stroke
from napari_sciml.errors import InputError

Unit = Literal["strokes", "blocks"]
"""What is held out whole: a stroke, or all labels in a cube of the image."""

BLOCK = 32
"""Edge of a block in voxels."""
FEWEST_BLOCKS = 8
"""Smaller blocks are used where the labels lie in fewer than this."""
PIECES = 4
"""Of a stroke that holds over a quarter of its class."""


def hold_out(
    labels: Labels,
    *,
    fraction: float,
    gap: int,
    rng: np.random.Generator,
    by: Unit = "strokes",
    edge: int = BLOCK,
) -> tuple[Labels, Labels]:
    """Split an annotation into a part to train on and a part to test on.

    Whole strokes are held out, at random, class by class, until ``fraction`` of
    the voxels of the class is reached. Training labels nearer than ``gap``
    voxels to a held-out one are dropped: neighbors are nearly copies, and a
    score on them would be a training score. A class with a single stroke, or a
    stroke that holds most of its class, is cut into pieces along its longest
    axis first.

    By blocks, everything that is painted in a cube goes together: two strokes on
    one structure, side by side, never come apart. The cubes of a grid with a
    random corner are held out until each class is as near to ``fraction`` as
    can be.

    Parameters
    ----------
    labels
        Annotation, ``(y, x)`` or ``(z, y, x)``: ``uint8``, 0 = not annotated, or
        scribbles.
    fraction
        Share of each class to hold out, 0 to below 1; 0 holds out nothing.
    gap
        Chessboard distance in voxels that is left between the two parts.
    rng
        Source of randomness.
    by
        What goes together.
    edge
        Of a block, in voxels; halved where the labels lie in a few blocks only.

    Returns
    -------
    train, held_out : ndarray of uint8, or Scribbles
        Of the shape and kind of ``labels``. A class always keeps some training
        labels; one that is too small to be split has no held-out ones.
    """
    scribbles = as_scribbles(labels)
    if by == "blocks":
        part = _blocks(scribbles, edge, gap, FEWEST_BLOCKS, rng)
        held = _choose_blocks(_counts(scribbles, part), fraction, rng)
    else:
        pieces: list[Stroke] = []
        chosen: list[bool] = []
        for strokes in _by_class(scribbles):
            cut = _cut_large(strokes, gap, PIECES)
            pieces += cut
            chosen += _choose(cut, fraction, rng)
        part, held = _as_parts(pieces, scribbles), np.array(chosen, bool)
    trained, held_out = divide(scribbles, held[part], gap)
    return in_kind_of(labels, trained), in_kind_of(labels, held_out)


def k_folds(
    labels: Labels,
    *,
    folds: int,
    gap: int,
    rng: np.random.Generator,
    by: Unit = "strokes",
    edge: int = BLOCK,
) -> list[tuple[Labels, Labels]]:
    """Split an annotation several times, so that each part is held out once.

    The parts are strokes or blocks, as in `hold_out`; a stroke that holds more
    of its class than a fold should is cut. They are dealt, the largest first, to
    the fold that has least of their classes, so that a class is spread over the
    folds as evenly as its parts allow.

    A class too small to be held out without losing all its training labels, be
    it to the test or to the gap round it, is in the training part of that fold,
    and what is within the gap of it is in neither.

    Parameters
    ----------
    labels, gap, rng, by, edge
        As in `hold_out`.
    folds
        Number of splits, 2 or more.

    Returns
    -------
    list of (train, held_out)
        As from `hold_out`; ``held_out`` can be empty where there are fewer parts
        than folds.

    Raises
    ------
    InputError
        For fewer than two folds.
    """
    if folds < 2:
        raise InputError(
            f"Labels cannot be split into {folds} folds: ask for 2 at least."
        )
    scribbles = as_scribbles(labels)
    if by == "blocks":
        part = _blocks(scribbles, edge, gap, max(FEWEST_BLOCKS, 2 * folds), rng)
    else:
        pieces = [
            piece
            for strokes in _by_class(scribbles)
            for piece in _cut_large(strokes, gap, folds)
        ]
        part = _as_parts(pieces, scribbles)
    fold = _deal(_counts(scribbles, part), folds, rng)[part]
    splits = [divide(scribbles, fold == index, gap) for index in range(folds)]
    return [(in_kind_of(labels, a), in_kind_of(labels, b)) for a, b in splits]


def _counts(labels: Scribbles, part: np.ndarray) -> np.ndarray:
    """Voxels ``(part, class)``, for the classes that are there."""
    present, index = np.unique(labels.values, return_inverse=True)
    table = np.zeros((int(part.max(initial=-1)) + 1, len(present)), np.int64)
    np.add.at(table, (part, index.reshape(-1)), 1)
    return table


def _by_class(labels: Scribbles) -> list[list[Stroke]]:
    by_class: dict[int, list[Stroke]] = defaultdict(list)
    for stroke in labels.strokes():
        by_class[stroke.label].append(stroke)
    return [strokes for _, strokes in sorted(by_class.items())]


def _as_parts(pieces: list[Stroke], labels: Scribbles) -> np.ndarray:
    """The piece of each labeled voxel, ``(n,)``."""
    nothing = np.zeros((0, labels.ndim), np.intp)
    voxels = np.concatenate([nothing, *(piece.voxels for piece in pieces)])
    indices = np.ravel_multi_index(tuple(voxels.T), labels.shape)
    part = np.empty(len(labels), np.intp)
    numbers = np.repeat(np.arange(len(pieces)), list(map(len, pieces)))
    part[np.searchsorted(labels.indices, indices)] = numbers
    return part


def _blocks(
    labels: Scribbles, edge: int, gap: int, fewest: int, rng: np.random.Generator
) -> np.ndarray:
    """The block of each labeled voxel, ``(n,)``."""
    voxels = labels.voxels
    corner = rng.random(labels.ndim)
    while True:
        start = voxels.min(0, initial=0) - (corner * edge).astype(np.intp)
        part = number_blocks(voxels, edge, start)
        # Smaller blocks than this would leave nothing between two gaps.
        if part.max(initial=-1) + 1 >= fewest or edge // 2 < 2 * gap + 2:
            return part
        edge //= 2


def _choose(
    strokes: list[Stroke], fraction: float, rng: np.random.Generator
) -> list[bool]:
    """Draw strokes until the fraction is reached, always leaving one."""
    wanted = fraction * sum(map(len, strokes))
    chosen = [False] * len(strokes)
    size = 0
    for index in rng.permutation(len(strokes))[:-1]:
        if size >= wanted:
            break
        # A stroke that overshoots by more than it brings is passed over.
        if size and size + len(strokes[index]) > 2 * wanted:
            continue
        chosen[index] = True
        size += len(strokes[index])
    return chosen


def _choose_blocks(
    counts: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Hold out a block where that brings the classes nearer to the fraction."""
    share = counts / counts.sum(0)
    held = np.zeros(len(counts), bool)
    total = np.zeros(counts.shape[1])
    for block in rng.permutation(len(counts)):
        after = total + share[block]
        nearer = ((after - fraction) ** 2).sum() < ((total - fraction) ** 2).sum()
        if nearer and (counts[~held].sum(0) > counts[block]).all():
            held[block], total = True, after
    return held


def _deal(counts: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """The fold of each part; chance decides between equals."""
    share = counts / counts.sum(0)
    order = rng.permutation(len(counts))
    order = order[np.argsort(-share.max(1, initial=0)[order], kind="stable")]
    load = np.zeros((folds, counts.shape[1]))
    fold = np.zeros(len(counts), np.intp)
    for part in order:
        ranking = (rng.random(folds), load.sum(1), load @ share[part])
        fold[part] = np.lexsort(ranking)[0]
        load[fold[part]] += share[part]
    return fold


def divide(
    labels: Scribbles, held: np.ndarray, gap: int
) -> tuple[Scribbles, Scribbles]:
    """Divide labels into training and held-out ones, given which are held out.

    Parameters
    ----------
    labels
        Annotation.
    held
        Whether each labeled voxel is held out, ``(n,)``.
    gap
        As in `hold_out`.

    Returns
    -------
    train, held_out : Scribbles
        As from `hold_out`.
    """
    held = held.copy()
    trained = ~is_near(labels, labels.voxels[held], gap)
    for label in labels.counts:
        own = labels.values == label
        if not trained[own].any():
            held[own], trained[own] = False, True
            # It can lie beside a held-out stroke of another class.
            held &= ~is_near(labels, labels.voxels[own], gap)
    return labels.subset(trained), labels.subset(held)


def _cut_large(strokes: list[Stroke], gap: int, parts: int) -> list[Stroke]:
    """Cut strokes that hold more than their share of the class into pieces."""
    total = sum(map(len, strokes))
    pieces: list[Stroke] = []
    for stroke in strokes:
        large = len(stroke) > total / parts
        pieces.extend(_cut(stroke, parts if large else 1, gap))
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
