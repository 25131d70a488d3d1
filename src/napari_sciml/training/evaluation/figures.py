"""Scores from sums over strokes, and how far chance may have moved them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.training.evaluation.labels import Pieces
from napari_sciml.training.evaluation.metrics import (
    Report,
    checked_prior,
    class_weights,
    figures_by_class,
    mean_known,
)

ENOUGH = 8
"""Strokes of a class, or blocks, from which on an interval is told."""
DRAWS = 2000
LEVEL = 0.95
PER_CLASS = ("precision", "recall", "dice")
OVERALL = ("accuracy", "brier", "ece")

Interval = tuple[float, float]


@dataclass(frozen=True)
class Intervals:
    """95 % intervals; None where it cannot be told.

    Attributes
    ----------
    by_class
        For each of `PER_CLASS`, one a class.
    overall
        For each of `OVERALL`.
    units
        Strokes of each class; of dense labels the blocks in which it occurs.
    """

    by_class: dict[str, tuple[Interval | None, ...]]
    overall: dict[str, Interval | None]
    units: tuple[int, ...]


def report_of(pieces: Pieces, prior: Sequence[float] | None = None) -> Report:
    """Score what was said about labels, as `evaluation.metrics.report` does."""
    classes = pieces.chosen.shape[1]
    shares = None if prior is None else checked_prior(prior, classes)
    once = np.ones((1, len(pieces)))
    sums = _sums(pieces, once)
    found = {name: values[0] for name, values in _figures(sums, shares).items()}
    voxels = sums.confusion[0].sum(1)
    each = class_weights(voxels, shares)
    surprise = each * _by_label(pieces, pieces.surprise, once)[0]
    total = float((each * voxels).sum())
    return Report(
        sums.confusion[0].astype(np.int64),
        dice=_each(found["dice"]),
        iou=_each(found["iou"]),
        precision=_each(found["precision"]),
        recall=_each(found["recall"]),
        f1_micro=float(found["accuracy"]),
        f1_macro=mean_known(_each(found["dice"])),
        accuracy=float(found["accuracy"]),
        ece=float(found["ece"]),
        brier=float(found["brier"]),
        nll=float(surprise.sum()) / total if total > 0 else math.nan,
        prior=shares,
    )


def _each(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def intervals_of(
    pieces: Pieces, prior: Sequence[float] | None = None, *, seed: int = 0
) -> Intervals:
    """Find intervals by drawing strokes anew, with repetition: a bootstrap.

    Strokes of a class are drawn from those of the class, of dense labels blocks from
    all blocks. Percentiles are taken a little further out, as few units vary less than
    what they are from (Hesterberg, The American Statistician 69, 2015, section 4).

    Parameters
    ----------
    pieces
        What was said about each stroke.
    prior
        As in `report_of`.
    seed
        Of the draws.
    """
    classes = pieces.chosen.shape[1]
    shares = None if prior is None else checked_prior(prior, classes)
    units = tuple(
        len(np.unique(pieces.clusters[pieces.labels == c])) for c in range(classes)
    )
    present = [n for n in units if n]
    rng, few = np.random.default_rng(seed), min(present, default=0)
    if few < ENOUGH:
        nothing: tuple[Interval | None, ...] = (None,) * classes
        return Intervals(
            dict.fromkeys(PER_CLASS, nothing), dict.fromkeys(OVERALL), units
        )
    found = _figures(_sums(pieces, _draws(pieces, rng)), shares)
    ends = _ends(few)
    by_class = {
        name: tuple(_interval(found[name][:, c], ends) for c in range(classes))
        for name in PER_CLASS
    }
    overall = {name: _interval(found[name], ends) for name in OVERALL}
    return Intervals(by_class, overall, units)


def dice_gain(
    before: Pieces, after: Pieces, strokes: np.ndarray, *, seed: int = 0
) -> tuple[float, Interval | None]:
    """Tell by how much the mean Dice of the classes but the background has risen.

    The interval is that of `intervals_of`, with the same strokes drawn for both, so
    that what is hard for both does not blur the difference.

    Parameters
    ----------
    before, after
        What two models say about the same strokes.
    strokes
        ``(u,)``: number of the stroke that each piece is of; they are drawn whole.
    seed
        Of the draws.

    Returns
    -------
    gain, interval
        None where there are too few strokes to tell, or no draw differs.
    """
    present = np.unique(before.labels)
    few = min(len(np.unique(strokes[before.labels == c])) for c in present)
    fiber = present[present > 0]

    def mean(times: np.ndarray) -> np.ndarray:
        sums = (_sums(pieces, times) for pieces in (before, after))
        low, high = (_figures(one, None)["dice"][:, fiber].mean(1) for one in sums)
        return np.asarray(high - low)

    gain = float(mean(np.ones((1, len(before))))[0])
    if few < ENOUGH:
        return gain, None
    draws = _draws(before, np.random.default_rng(seed), strokes)
    return gain, _interval(mean(draws), _ends(few))


def dice_intervals(
    answers: np.ndarray, truth: np.ndarray, strokes: np.ndarray
) -> tuple[tuple[int, ...], tuple[Interval | None, ...]]:
    """Count strokes of each class, and find the 95 % interval of its Dice.

    Parameters
    ----------
    answers
        ``(n, class)`` probabilities at labeled voxels.
    truth, strokes
        ``(n,)`` class index and number of the stroke of each.

    Returns
    -------
    units, intervals
        One a class, as in `Intervals`.
    """
    classes = answers.shape[1]
    owners = np.stack((strokes, truth), 1)
    each, piece = np.unique(owners, axis=0, return_inverse=True)
    count, nothing = len(each), np.zeros(len(each))
    chosen = np.zeros((count, classes), np.int64)
    np.add.at(chosen, (piece.reshape(-1), answers.argmax(1)), 1)
    pieces = Pieces(
        labels=each[:, 1],
        voxels=chosen.sum(1),
        clusters=each[:, 0],
        places=np.zeros((count, 1), np.int64),
        chosen=chosen,
        said=chosen.astype(float),
        brier=nothing,
        surprise=nothing,
        bins=np.zeros((count, 3, 1)),
        opposed=nothing,
        dense=False,
    )
    found = intervals_of(pieces)
    return found.units, found.by_class["dice"]


@dataclass(frozen=True)
class _Summed:
    """Sums for each draw: ``(draw, true, chosen)``, ``(draw, true)`` and bins."""

    confusion: np.ndarray
    brier: np.ndarray
    bins: np.ndarray


def _sums(pieces: Pieces, times: np.ndarray) -> _Summed:
    """Sums over the pieces, each so many times ``(draw, u)``."""
    return _Summed(
        _by_label(pieces, pieces.chosen, times),
        _by_label(pieces, pieces.brier, times),
        _by_label(pieces, pieces.bins, times),
    )


def _by_label(pieces: Pieces, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum ``(u, …)`` over the pieces of each class: ``(draw, class, …)``."""
    classes = pieces.chosen.shape[1]
    flat = values.reshape(len(pieces), math.prod(values.shape[1:])).astype(np.float64)
    owned = [pieces.labels == c for c in range(classes)]
    parts = [times[:, own] @ flat[own] for own in owned]
    return np.stack(parts, 1).reshape(len(times), classes, *values.shape[1:])


def _draws(
    pieces: Pieces, rng: np.random.Generator, strokes: np.ndarray | None = None
) -> np.ndarray:
    """How often each piece is in each draw, ``(draw, u)``; those of a stroke alike."""
    times = np.zeros((DRAWS, len(pieces)))
    if pieces.dense:
        count = int(pieces.clusters.max()) + 1
        drawn = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
        return drawn[:, pieces.clusters].astype(np.float64)
    for label in np.unique(pieces.labels):
        own = np.flatnonzero(pieces.labels == label)
        units = own if strokes is None else strokes[own]
        _, unit = np.unique(units, return_inverse=True)
        count = int(unit.max()) + 1
        drawn = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
        times[:, own] = drawn[:, unit]
    return times


def _figures(sums: _Summed, prior: tuple[float, ...] | None) -> dict[str, np.ndarray]:
    """Each figure for each draw."""
    voxels = sums.confusion.sum(2)
    weights = class_weights(voxels, prior)
    confusion = weights[..., None] * sums.confusion
    total = np.maximum(confusion.sum((1, 2)), 1e-12)
    bins = (weights[..., None, None] * sums.bins).sum(1)
    return {
        **figures_by_class(confusion),
        "accuracy": np.trace(confusion, axis1=1, axis2=2) / total,
        "brier": (weights * sums.brier).sum(1) / total,
        "ece": np.abs(bins[:, 2] - bins[:, 1]).sum(1) / total,
    }


def _ends(units: int) -> tuple[float, float]:
    """Percentiles that make up for the few units."""
    from scipy.stats import norm, t

    wide = math.sqrt(units / (units - 1)) * t.ppf((1 + LEVEL) / 2, units - 1)
    high = 100 * float(norm.cdf(wide))
    return 100 - high, high


def _interval(values: np.ndarray, ends: tuple[float, float]) -> Interval | None:
    """None where all draws are alike: they do not tell what others would be."""
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) < 1e-12:
        return None
    low, high = np.percentile(known, ends)
    return float(low), float(high)
