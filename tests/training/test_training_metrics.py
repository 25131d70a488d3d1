import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.training.metrics import cross_entropy, score

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


@pytest.mark.parametrize("shape", [(7, 6), (5, 4, 3)])
def test_cross_entropy_is_the_weighted_mean_of_torch(shape):
    torch.manual_seed(0)
    logits = torch.randn((2, 3, *shape), requires_grad=True)
    targets = torch.randint(-1, 3, (2, *shape))
    weights = torch.tensor([0.5, 2.0, 1.0])
    expected = torch.nn.functional.cross_entropy(
        logits, targets, weight=weights, ignore_index=-1
    )
    loss = cross_entropy(logits, targets, weights)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient.movedim(1, 0)[:, targets == -1].any()
    assert gradient.movedim(1, 0)[:, targets >= 0].abs().amin() > 0


def test_cross_entropy_without_labels_is_zero():
    logits = torch.randn((1, 2, 4, 4), requires_grad=True)
    targets = torch.full((1, 4, 4), -1)
    loss = cross_entropy(logits, targets, torch.ones(2))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
