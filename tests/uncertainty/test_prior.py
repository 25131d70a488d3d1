import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.prior import (
    correct,
    estimate_prior_bbse,
    estimate_prior_em,
    log_prior_ratio,
    project_onto_simplex,
)

CENTERS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])


def gaussians(n, shares, seed=0):
    """Points of three classes with unit covariance, and their class."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(shares), n, p=shares)
    return rng.normal(size=(n, 2)) + CENTERS[truth], truth


def bayes(x, shares):
    """The best possible classifier where the classes have these shares."""
    logits = np.log(np.maximum(shares, 1e-300)) - 0.5 * (
        (x[:, None] - CENTERS) ** 2
    ).sum(axis=2)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


TRAINED = np.array([0.4, 0.3, 0.3])


@pytest.mark.parametrize(
    "prior", [(0.9, 0.08, 0.02), (0.97, 0.02, 0.01), (0.2, 0.2, 0.6), TRAINED]
)
def test_em_finds_the_shift(prior):
    x, _ = gaussians(100_000, prior)
    found = estimate_prior_em(bayes(x, TRAINED), TRAINED)
    assert found.sum() == pytest.approx(1)
    assert found == pytest.approx(np.array(prior), abs=0.006)


@pytest.mark.parametrize("prior", [(0.9, 0.08, 0.02), (0.2, 0.2, 0.6)])
def test_bbse_finds_the_shift(prior):
    held_x, held = gaussians(60_000, TRAINED, seed=1)
    x, _ = gaussians(100_000, prior)
    confusion = np.zeros((3, 3))
    np.add.at(confusion, (held, bayes(held_x, TRAINED).argmax(axis=1)), 1)
    shares = np.bincount(bayes(x, TRAINED).argmax(axis=1), minlength=3)
    found = estimate_prior_bbse(confusion, shares)
    assert found == pytest.approx(np.array(prior), abs=0.015)


@pytest.mark.parametrize("sharpness", [0.5, 2.0])
def test_bbse_needs_no_calibrated_probabilities(sharpness):
    """Where EM overshoots: a network that is too sure or not sure enough."""
    rng = np.random.default_rng(0)

    def predicted(n, share):
        truth = rng.random(n) < share
        p = expit(sharpness * (2 * rng.normal(loc=2 * truth) - 2))
        return np.stack([1 - p, p], axis=1), truth.astype(int)

    held, truth = predicted(40_000, 0.5)
    confusion = np.stack([held[truth == c].sum(axis=0) for c in (0, 1)])
    p, _ = predicted(100_000, 0.05)
    assert estimate_prior_bbse(confusion, p.mean(axis=0))[1] == pytest.approx(
        0.05, abs=0.01
    )
    assert abs(estimate_prior_em(p, [0.5, 0.5])[1] - 0.05) > 0.01


@pytest.mark.parametrize("prior", [(0.9, 0.08, 0.02), (0.2, 0.2, 0.6), (0.7, 0.3, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_corrected_is_the_bayes_classifier_of_the_new_prior(prior, dtype):
    x, _ = gaussians(2000, TRAINED)
    p = bayes(x, TRAINED).astype(dtype)
    ratio = log_prior_ratio(prior, TRAINED)
    expected = bayes(x, np.array(prior))
    assert correct(p, ratio, axis=1) == pytest.approx(expected, abs=1e-5)
    first = correct(p.T.reshape(3, 40, 50), ratio)
    assert first.dtype == dtype
    assert np.allclose(first.reshape(3, -1).T, expected, atol=1e-5)


def test_estimate_and_correction_together_cut_where_bayes_cuts():
    """One dimension, 2 % of the second class: the best cut is known."""
    rng = np.random.default_rng(0)
    truth = rng.random(400_000) < 0.02
    x = rng.normal(loc=3 * truth)
    p = expit(3 * x - 4.5)  # trained on as many of each
    p = np.stack([1 - p, p])
    prior = estimate_prior_em(p.T, [0.5, 0.5])
    assert prior[1] == pytest.approx(0.02, rel=0.05)
    q = correct(p, log_prior_ratio(prior, [0.5, 0.5]))
    cut = 1.5 + np.log(0.98 / 0.02) / 3
    assert x[q[1] > 0.5].min() == pytest.approx(cut, abs=0.03)
    best = 0.98 * norm.sf(cut) + 0.02 * norm.cdf(cut - 3)
    assert np.mean((q[1] > 0.5) != truth) == pytest.approx(best, rel=0.03)


def test_absent_classes():
    x, _ = gaussians(50_000, (0.6, 0.4, 0))
    found = estimate_prior_em(bayes(x, TRAINED), TRAINED)
    assert found[2] < 0.002
    # Not trained: not estimated, and never predicted.
    untrained = estimate_prior_em(bayes(x, TRAINED), [0.5, 0.5, 0])
    assert untrained[2] == 0
    ratio = log_prior_ratio(untrained, [0.5, 0.5, 0])
    assert ratio[2] == -np.inf
    p = correct(np.array([[0.1, 0], [0.1, 0], [0.8, 1]]), ratio)
    assert p[:, 0] == pytest.approx(untrained)
    assert p[:, 1] == pytest.approx([0.5, 0.5, 0])
    with pytest.raises(InputError, match="Class 3 shall occur"):
        log_prior_ratio([0.5, 0.3, 0.2], [0.5, 0.5, 0])
    with pytest.raises(InputError, match="Class 2 has no held-out"):
        estimate_prior_bbse([[5, 1], [0, 0]], [0.5, 0.5])


def test_certain_predictions_are_counted():
    p = np.eye(2)[[0] * 95 + [1] * 5]
    assert estimate_prior_em(p, [0.5, 0.5]) == pytest.approx([0.95, 0.05])
    assert estimate_prior_bbse([[9, 0], [0, 4]], [95, 5]) == pytest.approx([0.95, 0.05])


def test_bbse_beyond_the_simplex_ends_on_it():
    # 5 % of the background is taken for fiber, but only 2 % of the volume is.
    assert estimate_prior_bbse([[95, 5], [10, 90]], [98, 2]).tolist() == [1, 0]


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_projection_is_the_nearest_point(values):
    v = np.array(values)
    p = project_onto_simplex(v)
    assert p.sum() == pytest.approx(1)
    assert (p >= 0).all()
    for other in np.random.default_rng(0).dirichlet(np.ones(len(v)), 50):
        # The angle at the nearest point of a convex set is never acute.
        assert (v - p) @ (other - p) <= 1e-9


def test_the_same_shares_change_nothing():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    assert correct(p, log_prior_ratio(TRAINED, TRAINED), axis=-1) == pytest.approx(p)


@pytest.mark.parametrize("ratio", [(0, 700.0), (-800.0, 0), (-1e5, 1e5)])
def test_extreme_ratios_stay_probabilities(ratio):
    p = correct(np.array([[0.5, 1, 0], [0.5, 0, 1]], np.float16), ratio)
    assert p.dtype == np.float32
    assert np.allclose(p.sum(axis=0), 1)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: estimate_prior_em(np.ones(3), [0.5, 0.5]), "not \\(3,\\)"),
        (lambda: estimate_prior_em(np.ones((0, 2)), [0.5, 0.5]), "one voxel"),
        (lambda: estimate_prior_em([[np.nan, 1]], [0.5, 0.5]), "NaN"),
        (lambda: estimate_prior_em([[0.5, 0.5]], [0, 0]), "training shares"),
        (lambda: estimate_prior_em([[0.5, 0.5]], [1.5, -0.5]), "not be negative"),
        (lambda: estimate_prior_bbse(np.ones((2, 3)), [0.5, 0.5]), "2 x 2"),
        (lambda: estimate_prior_bbse(np.ones((2, 2)), [0.5, 0.5]), "tell the classes"),
        (lambda: estimate_prior_bbse(np.eye(2), [0, 0]), "predicted shares"),
        (lambda: log_prior_ratio([1, 1], [1, 1, 1]), "one for each class"),
        (lambda: correct(np.ones((2, 3)), [0, 0, 0]), "one number for each class"),
        (lambda: correct(np.ones((2, 3)), [-np.inf, -np.inf]), "finite"),
        (lambda: correct(np.ones((2, 3)), [np.nan, 0]), "finite"),
    ],
)
def test_bad_input(call, reason):
    with pytest.raises(InputError, match=reason):
        call()
