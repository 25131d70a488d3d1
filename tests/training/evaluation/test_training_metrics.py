import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.training.evaluation.metrics import report, score

LN = math.log


def sure(classes, choices):
    """Probabilities of 0.9 for the chosen class, the rest shared."""
    rows = np.full((len(choices), classes), 0.1 / (classes - 1), np.float32)
    rows[np.arange(len(choices)), choices] = 0.9
    return torch.from_numpy(rows)


@pytest.mark.parametrize(
    ("chosen", "truth", "dice", "loss"),
    [
        ([0, 1], [0, 1], (1, 1), -LN(0.9)),
        ([1, 0], [0, 1], (0, 0), -LN(0.1)),
        ([0, 0, 0, 1], [0, 0, 1, 1], (4 / 5, 2 / 3), -(3 * LN(0.9) + LN(0.1)) / 4),
        ([0, 0, 0, 1], [0, 0, 0, 0], (6 / 7, 0), -(3 * LN(0.9) + LN(0.1)) / 4),
        ([0, 1, 1, 1], [0, 1, -1, -1], (1, 1), -LN(0.9)),
        ([0, 0], [0, 0], (1, math.nan), -LN(0.9)),
    ],
)
def test_score_by_hand(chosen, truth, dice, loss):
    found = score(sure(2, chosen), torch.tensor(truth))
    assert found.dice == pytest.approx(dice, nan_ok=True)
    assert found.loss == pytest.approx(loss, abs=1e-6)
    assert found.voxels == sum(value >= 0 for value in truth)


def test_classes_weigh_the_same_in_the_loss_whatever_their_size():
    rows, truth = sure(3, [0] * 98 + [0, 2]), torch.tensor([0] * 98 + [1, 2])
    assert score(rows, truth).loss == pytest.approx(
        (-LN(0.9) - LN(0.05) - LN(0.9)) / 3, abs=1e-6
    )


def test_score_without_labels_is_unknown():
    found = score(sure(2, [0, 1]), torch.tensor([-1, -1]))
    assert (found.voxels, math.isnan(found.loss)) == (0, True)
    assert all(math.isnan(value) for value in found.dice)


def test_certain_and_wrong_is_finite():
    assert score(torch.tensor([[1.0, 0.0]]), torch.tensor([1])).loss < 20


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 4), st.integers(0, 999))
def test_dice_against_confusion_counts(classes, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, classes, 50)
    rows = rng.dirichlet(np.ones(classes), 50).astype(np.float32)
    answer = rows.argmax(1)
    found = score(torch.from_numpy(rows), torch.from_numpy(truth))
    for c in range(classes):
        inside = truth >= 0
        tp = np.sum(inside & (truth == c) & (answer == c))
        fp = np.sum(inside & (truth != c) & (answer == c))
        fn = np.sum(inside & (truth == c) & (answer != c))
        assert found.dice[c] == pytest.approx(2 * tp / (2 * tp + fp + fn))


PROBABILITIES = np.array(
    [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9], [0.45, 0.55], [0.5, 0.5]]
)
TRUTH = np.array([0, 0, 0, 1, 1, -1])


def test_report_by_hand():
    found = report(PROBABILITIES, TRUTH)
    assert found.confusion.tolist() == [[2, 1], [0, 2]]
    assert found.voxels == 5
    assert found.precision == pytest.approx((1, 2 / 3))
    assert found.recall == pytest.approx((2 / 3, 1))
    assert found.dice == pytest.approx((4 / 5, 4 / 5))
    assert found.iou == pytest.approx((2 / 3, 2 / 3))
    assert found.accuracy == found.f1_micro == pytest.approx(4 / 5)
    assert found.f1_macro == pytest.approx(4 / 5)
    # Bins of confidence: .8 right, .6 right, .7 wrong, .9 right, .55 right.
    assert found.ece == pytest.approx((0.2 + 0.4 + 0.7 + 0.1 + 0.45) / 5)
    assert found.brier == pytest.approx(2 * (0.04 + 0.16 + 0.49 + 0.01 + 0.2025) / 5)
    expected = -sum(map(LN, (0.8, 0.6, 0.3, 0.9, 0.55))) / 5
    assert found.nll == pytest.approx(expected)
    assert found.prior is None


def test_report_at_the_shares_of_the_volume_by_hand():
    """Class 0 is 9 in 10 of the volume, so each of its 3 voxels counts .3."""
    found = report(PROBABILITIES, TRUTH, prior=(9, 1))
    assert found.confusion.tolist() == [[2, 1], [0, 2]]
    assert found.prior == (0.9, 0.1)
    assert found.recall == pytest.approx((2 / 3, 1))
    assert found.precision == pytest.approx((1, 0.1 / 0.4))
    assert found.dice == pytest.approx((1.2 / 1.5, 0.2 / 0.5))
    assert found.iou == pytest.approx((0.6 / 0.9, 0.1 / 0.4))
    assert found.accuracy == found.f1_micro == pytest.approx(0.7)
    assert found.f1_macro == pytest.approx(0.6)
    ece = 0.3 * (0.2 + 0.4 + 0.7) + 0.05 * (0.1 + 0.45)
    assert found.ece == pytest.approx(ece)
    brier = 0.6 * (0.04 + 0.16 + 0.49) + 0.1 * (0.01 + 0.2025)
    assert found.brier == pytest.approx(brier)
    nll = -0.3 * (LN(0.8) + LN(0.6) + LN(0.3)) - 0.05 * (LN(0.9) + LN(0.55))
    assert found.nll == pytest.approx(nll)


def answers(classes, n, seed):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes), n), rng.integers(0, classes, n)


FIGURES = ("dice", "iou", "precision", "recall")
NUMBERS = ("f1_micro", "f1_macro", "accuracy", "ece", "brier", "nll")


def alike(a, b, names=(*FIGURES, *NUMBERS)):
    for name in names:
        expected = pytest.approx(getattr(b, name), nan_ok=True, rel=1e-9, abs=1e-12)
        assert getattr(a, name) == expected, name


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 4), st.integers(1, 40), st.integers(0, 999))
def test_report_against_brute_force(classes, n, seed):
    rows, truth = answers(classes, n, seed)
    found, answer = report(rows, truth), rows.argmax(1)
    hot, confidence = np.eye(classes)[truth], rows.max(1)
    gaps = 0.0
    for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15, strict=True):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            right = (answer == truth)[inside].mean()
            gaps += inside.mean() * abs(right - confidence[inside].mean())
    assert found.ece == pytest.approx(gaps)
    assert found.brier == pytest.approx(((rows - hot) ** 2).sum(1).mean())
    assert found.accuracy == pytest.approx((answer == truth).mean())
    assert found.confusion.sum() == n
    for c in range(classes):
        for d in range(classes):
            assert found.confusion[c, d] == ((truth == c) & (answer == d)).sum()
        tp = ((truth == c) & (answer == c)).sum()
        fp, fn = (answer == c).sum() - tp, (truth == c).sum() - tp
        if tp + fn == 0:
            assert all(math.isnan(getattr(found, name)[c]) for name in FIGURES)
            continue
        assert found.dice[c] == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert found.iou[c] == pytest.approx(tp / (tp + fp + fn))
        assert found.recall[c] == pytest.approx(tp / (tp + fn))
        precision = tp / (tp + fp) if tp + fp else math.nan
        assert found.precision[c] == pytest.approx(precision, nan_ok=True)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.integers(5, 40),
    st.integers(0, 999),
)
def test_a_prior_is_the_same_as_more_voxels(copies, n, seed):
    """Repeating the voxels of a class is what its share in the volume does."""
    rows, truth = answers(len(copies), n, seed)
    times = np.array(copies)[truth]
    expected = report(np.repeat(rows, times, 0), np.repeat(truth, times))
    prior = np.bincount(truth, minlength=len(copies)) * copies
    alike(report(rows, truth, prior=prior), expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 4), st.integers(0, 999))
def test_the_prior_of_the_labels_changes_nothing(classes, seed):
    rows, truth = answers(classes, 60, seed)
    shares = np.bincount(truth, minlength=classes) / 60
    alike(report(rows, truth, prior=shares), report(rows, truth))
    scores = score(torch.from_numpy(rows), torch.from_numpy(truth))
    assert report(rows, truth).dice == pytest.approx(scores.dice)


def test_scribbles_flatter_precision():
    """40 % fiber in the labels, 2 % in the volume, 5 % errors of either kind."""
    rng = np.random.default_rng(0)

    def sample(fiber, n):
        truth = (rng.random(n) < fiber).astype(int)
        answer = truth ^ (rng.random(n) < 0.05)
        rows = np.full((n, 2), 0.05)
        rows[np.arange(n), answer] = 0.95
        return rows, truth

    volume = report(*sample(0.02, 400_000))
    scribbles = sample(0.4, 400_000)
    assert report(*scribbles).precision[1] > 0.9
    found = report(*scribbles, prior=(0.98, 0.02))
    for name in (*FIGURES, *NUMBERS):
        expected = pytest.approx(getattr(volume, name), abs=0.02)
        assert getattr(found, name) == expected, name
    assert volume.precision[1] < 0.3


def test_absent_classes_leave_the_others_alone():
    rows, truth = answers(2, 50, 0)
    wide = np.concatenate([rows, np.zeros((50, 1))], 1)
    plain, found = report(rows, truth), report(wide, truth)
    alike(found, plain, NUMBERS)
    assert found.dice[:2] == plain.dice
    assert math.isnan(found.dice[2])
    alike(report(wide, truth, (1, 2, 7)), report(rows, truth, (1, 2)), NUMBERS)


def test_report_without_labels_is_unknown():
    found = report(PROBABILITIES, np.full(6, -1), prior=(0.9, 0.1))
    assert found.voxels == 0
    assert all(math.isnan(getattr(found, name)) for name in NUMBERS)
    assert json.loads(json.dumps(found.as_dict(("a", "b"))))["ece"] is None


def test_tensors_and_arrays_give_the_same_report():
    rows = torch.from_numpy(PROBABILITIES).requires_grad_()
    alike(report(rows, torch.from_numpy(TRUTH)), report(PROBABILITIES, TRUTH))


def test_perfect_answers():
    truth = np.array([0, 1, 2, 1])
    found = report(np.eye(3)[truth], truth, prior=(0.7, 0.2, 0.1))
    assert found.dice == found.iou == found.precision == found.recall == (1, 1, 1)
    assert (found.accuracy, found.ece, found.brier, found.nll) == (1, 0, 0, 0)


def test_report_as_json():
    found = report([[0.9, 0.1], [0.8, 0.2]], [0, 0], prior=(1, 1)).as_dict(
        ("background", "fiber")
    )
    found = json.loads(json.dumps(found, allow_nan=False))
    assert found["voxels"] == 2
    assert found["prior"] == [0.5, 0.5]
    assert found["confusion"] == [[2, 0], [0, 0]]
    assert found["classes"]["background"] == {
        **{"voxels": 2, "dice": 1, "iou": 1, "precision": 1, "recall": 1}
    }
    assert found["classes"]["fiber"]["dice"] is None
    assert found["brier"] == pytest.approx(0.05)


@pytest.mark.parametrize("prior", [(1,), (1, 2, 3), (-1, 2), (0, 0), (math.nan, 1)])
def test_priors_that_make_no_sense(prior):
    with pytest.raises(InputError, match="2 classes"):
        report(PROBABILITIES, TRUTH, prior=prior)
