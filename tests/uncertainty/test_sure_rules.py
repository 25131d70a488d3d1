import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.uncertainty.conformal import calibrate, confident_by_coverage
from napari_sciml.uncertainty.threshold import (
    CoverageConfig,
    CoverageRule,
    LowerBoundRule,
    confident,
)


def probabilities(classes: int, n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 0.5), n)


def calibration(classes: int = 2, n: int = 400, seed: int = 0, score: str = "lac"):
    p = probabilities(classes, n, seed)
    rng = np.random.default_rng(seed + 1)
    truth = (p.cumsum(1) > rng.random((n, 1))).argmax(1)
    return calibrate(p, truth, score=score)


def test_lower_bound_is_confident() -> None:
    rng = np.random.default_rng(0)
    mean, std = rng.random((2, 9, 8)), 0.2 * rng.random((2, 9, 8))
    rule = LowerBoundRule(k=1.5, t=0.4)
    for index in (0, 1):
        expected = confident(mean[index], std[index], k=1.5, t=0.4)
        np.testing.assert_array_equal(rule.keep(mean, std, index), expected)
        assert rule.least(index) == 0.4


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_coverage_is_within_each_class(dtype) -> None:
    held_out = calibration()
    mean = probabilities(2, 500, seed=5).T.astype(dtype).reshape(2, 20, 25)
    rule = CoverageRule(held_out, 0.8)
    for index in (0, 1):
        expected = confident_by_coverage(mean, index, held_out, 0.8, per_class=True)
        np.testing.assert_array_equal(rule.keep(mean, mean, index), expected)
        assert expected.any()
        assert not expected.all()


@given(
    classes=st.integers(2, 4),
    n=st.integers(0, 300),
    coverage=st.floats(0.5, 0.99),
    seed=st.integers(0, 20),
    score=st.sampled_from(["lac", "aps"]),
)
@settings(max_examples=80, deadline=None)
def test_nothing_is_kept_below_the_least_probability(
    classes, n, coverage, seed, score
) -> None:
    rule = CoverageRule(calibration(classes, n, seed, score), coverage)
    mean = probabilities(classes, 2000, seed + 9).T
    for index in range(classes):
        kept = mean[index][rule.keep(mean, mean, index)]
        assert 0 <= rule.least(index) <= 1
        assert kept.min(initial=1) >= rule.least(index) - 1e-9


def test_of_two_classes_the_least_probability_is_where_keeping_begins() -> None:
    rule = CoverageRule(calibration(), 0.8)
    p = np.linspace(0, 1, 1001)
    mean = np.stack([1 - p, p])
    kept = p[rule.keep(mean, mean, 1)]
    assert rule.least(1) == pytest.approx(kept.min(), abs=2e-3)


def test_too_few_held_out_voxels_promise_nothing() -> None:
    rule = CoverageRule(calibration(n=6), CoverageConfig().coverage)
    assert rule.least(1) == 1
    mean = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert not rule.keep(mean, mean, 1).any()
