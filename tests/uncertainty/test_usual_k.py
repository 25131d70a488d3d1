"""The usual rule: as sure as it gets without losing much of the mask."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sciml.uncertainty.threshold import (
    KEPT,
    LARGEST_K,
    ThresholdConfig,
    confident,
    usual_k,
)

SHARES = st.floats(0, 1, width=16)


@st.composite
def predictions(draw, dtype="f4"):
    n = draw(st.integers(1, 200))
    # Trees give few different values: the same ones come again and again.
    values = st.one_of(SHARES, st.sampled_from([0.5, 0.53125, 0.75, 0.9, 1.0]))
    mean = draw(hnp.arrays("f8", n, elements=values)).astype(dtype)
    std = draw(hnp.arrays("f8", n, elements=values)).astype(dtype)
    return mean, std


@settings(deadline=None, max_examples=300)
@given(predictions(), st.floats(0, 0.95))
def test_most_of_the_mask_stays(given_, t):
    mean, std = given_
    k = usual_k(mean, std, t=t)
    assert 0 <= k <= LARGEST_K
    mask, kept = confident(mean, std, k=0, t=t), confident(mean, std, k=k, t=t)
    assert not (kept & ~mask).any()
    assert kept.sum() >= math.ceil(KEPT * mask.sum() - 1e-9)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_same_value_everywhere_is_not_lost_at_once(dtype):
    """One threshold on the share of mask that stays would cut all of it or nothing."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        mean = np.full(50, rng.uniform(0.5, 1), dtype)
        std = np.full(50, rng.uniform(0, 1), dtype)
        k = usual_k(mean, std)
        assert confident(mean, std, k=k).sum() == (mean.astype("f4") > 0.5).sum()


@settings(deadline=None, max_examples=100)
@given(predictions(), st.floats(0.1, 5))
def test_the_more_members_differ_the_less_is_taken_off(given_, factor):
    mean, std = given_
    small, large = sorted([1.0, factor])
    assert usual_k(mean, large * std) <= usual_k(mean, small * std) + 1e-6


def test_the_least_sure_go():
    rng = np.random.default_rng(0)
    mean, std = rng.uniform(0, 1, 10_000), rng.uniform(0, 0.4, 10_000)
    mask = mean > 0.5
    kept = confident(mean, std, k=usual_k(mean, std))
    assert KEPT <= kept.sum() / mask.sum() < KEPT + 0.01
    margin = (mean - 0.5) / std
    assert margin[kept].min() >= margin[mask & ~kept].max() - 1e-4


@pytest.mark.parametrize(
    ("mean", "std"),
    [([], []), ([0.1, 0.2], [0.1, 0.1]), ([0.9, 0.9], [0.0, 0.0]), ([np.nan], [0.1])],
)
def test_where_nothing_is_lost_the_largest(mean, std):
    assert usual_k(np.array(mean), np.array(std)) == LARGEST_K


@pytest.mark.parametrize("shape", [(30,), (5, 6), (2, 3, 5)])
def test_any_shape(shape):
    rng = np.random.default_rng(1)
    mean, std = rng.random(30), rng.random(30)
    expected = usual_k(mean, std, t=0.3)
    assert usual_k(mean.reshape(shape), std.reshape(shape), t=0.3) == expected


def test_it_is_the_default():
    assert ThresholdConfig().k is None
    assert ThresholdConfig(k=1.5).k == 1.5
