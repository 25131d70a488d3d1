from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.conformal import (
    MAX_KNOTS,
    ConformalCalibration,
    calibrate,
    confident_by_coverage,
    prediction_set,
)


def labeled(n, classes=3, seed=0, shares=None):
    """Probabilities that tell something, but not all, about the true class."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, n, p=shares)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[truth]
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True), truth


def covered(sets, truth):
    return sets[truth, np.arange(len(truth))].mean()


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("n", [200, 5000])
def test_coverage_of_new_voxels(n, coverage):
    rates = []
    for seed in range(40):
        calibration = calibrate(*labeled(n, seed=seed))
        p, truth = labeled(2000, seed=1000 + seed)
        rates.append(covered(prediction_set(p.T, calibration, coverage), truth))
    # The mean over calibrations is at least the coverage and at most 1 / n above it.
    tolerance = 4 * np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) >= coverage - tolerance
    assert np.mean(rates) <= coverage + 1 / n + 2 / MAX_KNOTS + tolerance


def test_coverage_within_each_class():
    shares = [0.9, 0.07, 0.03]
    calibration = calibrate(*labeled(20_000, shares=shares))
    p, truth = labeled(20_000, seed=1, shares=shares)
    sets = prediction_set(p.T, calibration, 0.9, per_class=True)
    for c in range(3):
        assert covered(sets[:, truth == c], truth[truth == c]) == pytest.approx(
            0.9, abs=0.03
        )


@settings(deadline=None)
@given(st.integers(1, 4000), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_threshold_is_the_corrected_quantile(n, coverage, seed):
    truth_probability = np.random.default_rng(seed).random(n)
    p = np.stack([truth_probability, 1 - truth_probability], axis=1)
    threshold = calibrate(p, np.zeros(n, int)).threshold(coverage)
    scores = np.sort(1 - truth_probability)
    rank = int(np.ceil(np.round((n + 1) * coverage, 9)))
    exact = scores[rank - 1] if rank <= n else 1.0
    if n <= MAX_KNOTS:
        assert threshold == exact
    else:
        above = min(rank + n // MAX_KNOTS + 1, n)
        assert exact <= threshold <= max(exact, scores[above - 1])


def test_rounding_does_not_ask_for_one_rank_more():
    truth_probability = np.linspace(0.95, 0.05, 9)
    p = np.stack([truth_probability, 1 - truth_probability], axis=1)
    assert calibrate(p, np.zeros(9, int)).threshold(0.9) == pytest.approx(0.95)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_voxels_give_full_sets(n):
    p, truth = labeled(n)
    calibration = calibrate(p, truth.astype(int))
    assert calibration.threshold(0.9) == 1
    sets = prediction_set(labeled(10)[0].T, calibration, 0.9)
    assert sets.all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("top", [1.0, 0.9999, 0.9997, 0.75])
def test_certain_and_right_classifier_gets_sets_of_one(dtype, top):
    truth = np.arange(100) % 2
    p = np.where(np.eye(2)[truth] > 0, top, 1 - top).astype(np.float32)
    calibration = calibrate(p, truth)
    stored = p.T.astype(dtype)
    sets = prediction_set(stored, calibration, 0.9)
    assert np.array_equal(sets, np.eye(2, dtype=bool)[truth].T)
    found = confident_by_coverage(stored, 1, calibration, 0.9)
    assert np.array_equal(found, truth == 1)


def test_confident_means_exactly_that_class():
    calibration = calibrate(*labeled(500))
    mean = labeled(60, seed=2)[0].T.reshape(3, 3, 4, 5)
    sets = prediction_set(mean, calibration, 0.9)
    assert sets.shape == mean.shape
    for c in range(3):
        others = np.delete(sets, c, axis=0).any(axis=0)
        found = confident_by_coverage(mean, c, calibration, 0.9)
        assert np.array_equal(found, sets[c] & ~others)


def test_sets_grow_with_the_coverage():
    calibration = calibrate(*labeled(500))
    mean = labeled(300, seed=3)[0].T
    sizes = [
        prediction_set(mean, calibration, c).sum(axis=0)
        for c in (0.5, 0.8, 0.95, 0.999)
    ]
    assert all((a <= b).all() for a, b in pairwise(sizes))
    assert (sizes[-1] == 3).all()


@pytest.mark.parametrize("n", [0, 10, 100_000])
def test_json_keeps_everything_and_stays_small(n):
    calibration = calibrate(*labeled(n))
    text = calibration.model_dump_json()
    assert ConformalCalibration.model_validate_json(text) == calibration
    assert calibration.n == n
    assert len(text) < 100_000


def test_integer_probabilities_are_probabilities():
    calibration = calibrate(np.eye(2, dtype=int)[[0, 1] * 20], [0, 1] * 20)
    sets = prediction_set(np.eye(2, dtype=np.uint8), calibration, 0.9)
    assert np.array_equal(sets, np.eye(2, dtype=bool))


@pytest.mark.parametrize(
    ("p", "truth", "reason"),
    [
        (np.ones(3), np.zeros(3, int), "n, class"),
        (np.ones((3, 2)), np.zeros(2, int), "n, class"),
        (np.full((1, 2), np.nan), np.zeros(1, int), "NaN"),
        (np.full((1, 2), 1.5), np.zeros(1, int), "between 0 and 1"),
        (np.full((1, 2), 0.5), np.array([-1]), "not annotated"),
        (np.full((1, 2), 0.5), np.array([2]), "not annotated"),
        (np.full((1, 2), 0.5), np.array([0.0]), "indices"),
    ],
)
def test_bad_calibration_data(p, truth, reason):
    with pytest.raises(InputError, match=reason):
        calibrate(p, truth)


def test_bad_queries():
    calibration = calibrate(*labeled(50))
    mean = np.full((3, 4), 1 / 3)
    for coverage in (0, 1, -1, 2, np.nan):
        with pytest.raises(InputError, match="between 0 and 1"):
            prediction_set(mean, calibration, coverage)
    with pytest.raises(InputError, match="3 classes"):
        prediction_set(mean[:2], calibration, 0.9)
    with pytest.raises(InputError, match="no class 3"):
        confident_by_coverage(mean, 3, calibration, 0.9)
