"""Scores from sums over strokes, and their intervals."""

import numpy as np
import pytest

from napari_sciml.training.evaluation.figures import (
    ENOUGH,
    dice_gain,
    intervals_of,
    report_of,
)
from napari_sciml.training.evaluation.labels import Pieces, join
from napari_sciml.training.evaluation.metrics import BINS, report


def pieces_of(rows, truth, strokes, dense=False) -> Pieces:
    """Sums, the slow way, of probabilities ``(n, class)`` of voxels in strokes."""
    found = {name: [] for name in ("labels", "voxels", "chosen", "said", "brier")}
    surprise, bins = [], []
    for stroke in np.unique(strokes):
        own = rows[strokes == stroke]
        label = truth[strokes == stroke][0]
        true, sure = own[:, label], own.max(1)
        place = np.ceil(sure * BINS).astype(int) - 1
        right = own.argmax(1) == label
        found["labels"].append(label)
        found["voxels"].append(len(own))
        found["chosen"].append(np.bincount(own.argmax(1), minlength=rows.shape[1]))
        found["said"].append(own.sum(0))
        found["brier"].append(((own**2).sum(1) - 2 * true + 1).sum())
        surprise.append(-np.log(np.maximum(true, 1e-6)).sum())
        bins.append([np.bincount(place, w, BINS) for w in (None, sure, right)])
    count = len(surprise)
    return Pieces(
        **{name: np.array(values) for name, values in found.items()},
        clusters=np.arange(count),
        places=np.zeros((count, 3), int),
        surprise=np.array(surprise),
        bins=np.array(bins, float),
        opposed=np.zeros(count),
        dense=dense,
    )


@pytest.fixture
def told():
    """Probabilities of three classes, the truth, and the stroke of each voxel."""
    rng = np.random.default_rng(3)
    strokes = np.repeat(np.arange(30), rng.integers(3, 20, 30))
    truth = (strokes % 3).astype(int)
    logits = rng.normal(size=(len(truth), 3)) + 1.5 * np.eye(3)[truth]
    rows = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return rows, truth, strokes


@pytest.mark.parametrize("prior", [None, (0.9, 0.08, 0.02)])
def test_the_scores_are_those_of_the_voxels(told, prior) -> None:
    rows, truth, strokes = told
    direct = report(rows, truth, prior=prior).as_dict("abc")
    summed = report_of(pieces_of(rows, truth, strokes), prior).as_dict("abc")
    assert summed["confusion"] == direct["confusion"]
    for key in ("accuracy", "ece", "brier", "nll", "f1_macro", "f1_micro"):
        assert summed[key] == pytest.approx(direct[key], rel=1e-9)
    for name in "abc":
        assert summed["classes"][name] == pytest.approx(direct["classes"][name])


def test_a_perfect_model_gets_one(told) -> None:
    _, truth, strokes = told
    pieces = pieces_of(np.eye(3)[truth], truth, strokes)
    scores = report_of(pieces)
    assert scores.dice == scores.precision == scores.recall == (1, 1, 1)
    assert (scores.accuracy, scores.brier, scores.ece) == (1, 0, 0)
    # All strokes are alike: they do not tell what another one would be.
    assert intervals_of(pieces).by_class["dice"] == (None, None, None)


def test_a_class_without_labels_is_not_known() -> None:
    rows = np.tile([0.2, 0.7, 0.1], (20, 1))
    scores = report_of(
        pieces_of(rows, np.ones(20, int), np.arange(20)), (0.5, 0.4, 0.1)
    )
    assert scores.recall[1] == 1
    assert np.isnan(scores.recall[0])
    assert np.isnan(scores.dice[2])


def test_too_few_strokes_have_no_interval(told) -> None:
    rows, truth, strokes = told
    few = strokes < 3 * ENOUGH - 3
    found = intervals_of(pieces_of(rows[few], truth[few], strokes[few]))
    assert found.units == (7, 7, 7)
    assert found.overall["accuracy"] is None
    assert found.by_class["recall"] == (None, None, None)


def simulated(rng, count):
    """Strokes whose recall varies from stroke to stroke, around 0.8 and 0.9."""
    strokes = np.repeat(np.arange(2 * count), rng.integers(5, 60, 2 * count))
    truth = strokes % 2
    ability = rng.beta(*np.array([[8, 2], [9, 1]]).T[:, np.arange(2 * count) % 2])
    right = rng.random(len(truth)) < ability[strokes]
    said = np.where(right, truth, 1 - truth)
    return pieces_of(np.eye(2)[said] * 0.8 + 0.1, truth, strokes)


@pytest.mark.parametrize("count", [10, 30])
def test_intervals_hold_the_truth_as_often_as_they_promise(count) -> None:
    rng, times = np.random.default_rng(count), 120
    prior = (0.95, 0.05)
    recall = np.array([0.8, 0.9])
    precision = 0.05 * 0.9 / (0.05 * 0.9 + 0.95 * 0.2)
    hits = np.zeros(3)
    for time in range(times):
        found = intervals_of(simulated(rng, count), prior, seed=time).by_class
        told = [*found["recall"], found["precision"][1]]
        for index, (ends, true) in enumerate(
            zip(told, [*recall, precision], strict=True)
        ):
            hits[index] += ends[0] <= true <= ends[1]
    assert (hits / times > 0.88).all()  # 0.95, less what chance takes in 120 times


def test_scores_of_several_models_are_joined(told) -> None:
    rows, truth, strokes = told
    early = strokes < 12
    parts = [pieces_of(rows[m], truth[m], strokes[m]) for m in (early, ~early)]
    joined, whole = join(parts), pieces_of(rows, truth, strokes)
    assert report_of(joined).as_dict("abc") == report_of(whole).as_dict("abc")
    assert joined.clusters.tolist() == list(range(30))


def test_a_gain_is_told_from_chance_by_the_strokes_that_both_saw() -> None:
    rng = np.random.default_rng(5)
    strokes = np.repeat(np.arange(40), 10)
    truth = strokes % 2
    hard = rng.random(40)[strokes]  # some strokes are hard for both

    def rows(right: float) -> np.ndarray:
        own = np.clip(right + 0.5 - hard, 0.02, 0.98)
        own = np.where(truth == 1, own, 0.9)
        chances = np.where(truth == 1, own, 1 - own)
        return np.column_stack([1 - chances, chances])

    worse, better = (pieces_of(rows(x), truth, strokes) for x in (0.3, 0.7))
    own = np.arange(40)
    gain, interval = dice_gain(worse, better, own)
    dice = [report_of(pieces).dice[1] for pieces in (worse, better)]
    assert gain == pytest.approx(dice[1] - dice[0])
    assert interval is not None
    assert 0 < interval[0] < gain < interval[1]
    # Each by itself varies more than what they differ by.
    alone = intervals_of(worse).by_class["dice"][1]
    assert interval[1] - interval[0] < alone[1] - alone[0]
    assert dice_gain(worse, worse, own) == (0.0, None)
    # Pieces of one stroke are one observation, not several.
    halves = dice_gain(worse, better, own // 4 * 2 + own % 2)[1]
    assert halves[1] - halves[0] > interval[1] - interval[0]
    assert dice_gain(worse, better, own // 6 * 2 + own % 2)[1] is None
    few = strokes < ENOUGH
    cut = [pieces_of(rows(x)[few], truth[few], strokes[few]) for x in (0.3, 0.7)]
    assert dice_gain(*cut, np.arange(ENOUGH))[1] is None
