from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.segmentation.score import dice, instance_f1, match_instances


def brute_force(truth, predicted, threshold):
    """The most pairs, then the largest sum of IoU, over all ways to pair."""
    a = [truth == i for i in np.unique(truth[truth > 0])]
    b = [predicted == j for j in np.unique(predicted[predicted > 0])]
    iou = np.array([[(p & q).sum() / (p | q).sum() for q in b] for p in a])
    iou = iou.reshape(len(a), len(b))
    iou = iou if len(a) <= len(b) else iou.T
    best = (0, 0.0)
    for order in permutations(range(iou.shape[1]), iou.shape[0]):
        values = [iou[i, j] for i, j in enumerate(order) if iou[i, j] >= threshold]
        best = max(best, (len(values), float(sum(values))))
    return best


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from([0.05, 0.2, 0.4, 0.5, 0.7]),
)
def test_agrees_with_brute_force(seed, n, m, threshold):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n + 1, (3, 6))
    predicted = np.where(
        rng.random((3, 6)) < 0.6, truth, rng.integers(0, m + 1, (3, 6))
    )
    pairs = match_instances(truth, predicted, threshold)
    matched, total = brute_force(truth, predicted, threshold)
    assert len(pairs) == matched
    assert pairs.iou.sum() == pytest.approx(total)
    assert pairs.truth.is_unique
    assert pairs.predicted.is_unique


@pytest.mark.parametrize(
    ("truth", "predicted", "f1", "precision", "recall"),
    [
        ([1, 1, 0, 2, 2], [5, 5, 0, 9, 9], 1, 1, 1),  # names do not matter
        ([1, 1, 0, 2, 2], [0, 0, 0, 9, 9], 2 / 3, 1, 0.5),
        ([1, 1, 0, 2, 2], [3, 3, 3, 3, 3], 2 / 3, 1, 0.5),  # merged: IoU 2/5
        ([1, 1, 1, 1, 1], [1, 1, 2, 2, 0], 2 / 3, 0.5, 1),  # split: IoU 2/5
        ([1, 1, 0, 0], [0, 0, 1, 1], 0, 0, 0),
        ([0, 0], [0, 0], 1, 1, 1),
        ([1, 0], [0, 0], 0, 0, 0),
        ([0, 0], [0, 1], 0, 0, 0),
    ],
)
def test_constructed_cases(truth, predicted, f1, precision, recall):
    score = instance_f1(np.array(truth), np.array(predicted), iou=0.4)
    assert (score.f1, score.precision, score.recall) == pytest.approx(
        (f1, precision, recall)
    )


def test_assignment_is_not_greedy():
    # The best pair alone (1, 1) would leave 2 without a partner.
    truth = np.array([1] * 6 + [2] * 4)
    predicted = np.array([3] * 2 + [1] * 8)
    pairs = match_instances(truth, predicted, iou=0.3)
    assert list(zip(pairs.truth, pairs.predicted, strict=True)) == [(1, 3), (2, 1)]


def test_large_labels_and_large_images():
    truth = np.zeros((60, 60, 60), np.uint32)
    truth[::2] = 4_000_000_000
    score = instance_f1(truth, truth.astype(np.int64))
    assert (score.f1, score.matched, score.mean_iou) == (1, 1, 1)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [([0, 0], [0, 0], 1), ([1, 1], [0, 0], 0), ([2, 2, 0], [0, 1, 1], 0.5)],
)
def test_dice(a, b, expected):
    assert dice(np.array(a), np.array(b)) == expected


@pytest.mark.parametrize(
    ("truth", "predicted", "iou", "reason"),
    [
        (np.zeros(3, int), np.zeros(4, int), 0.4, "same image"),
        (np.zeros(3), np.zeros(3), 0.4, "whole numbers"),
        (np.array([-1]), np.array([1]), 0.4, "negative"),
        (np.zeros(3, int), np.zeros(3, int), 0, "threshold"),
        (np.zeros(3, int), np.zeros(3, int), 1.1, "threshold"),
    ],
)
def test_bad_input(truth, predicted, iou, reason):
    with pytest.raises(InputError, match=reason):
        instance_f1(truth, predicted, iou)
