"""Mean and deviation of members that do not count alike."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.uncertainty.statistics import (
    RunningStatistics,
    ensemble_statistics,
    entropy,
)


def running(values, weights, **options):
    statistics = RunningStatistics(**options)
    for member, weight in zip(values, weights, strict=True):
        statistics.add(member, weight)
    return statistics


def members(n, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(3), (n, 7)).transpose(0, 2, 1)


WEIGHTS = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=8)


@settings(deadline=None, max_examples=100)
@given(WEIGHTS, st.integers(0, 1000))
def test_agrees_with_the_formulas(weights, seed):
    values, w = members(len(weights), seed), np.array(weights)
    found = running(values, weights)
    mean = np.average(values, axis=0, weights=w)
    squares = ((values - mean) ** 2 * w[:, None, None]).sum(0)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-9)
    freedom = w.sum() - (w**2).sum() / w.sum()
    np.testing.assert_allclose(found.std, np.sqrt(squares / freedom), rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(WEIGHTS)
def test_numpy_calls_them_reliability_weights(weights):
    values = members(len(weights))[:, 0, 0]
    expected = np.sqrt(np.cov(values, aweights=weights, ddof=1))
    assert running(values, weights).std == pytest.approx(float(expected), rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 8), st.floats(1e-3, 1e3))
def test_where_all_count_alike_weights_change_nothing(n, weight):
    mean, std = ensemble_statistics(members(n))
    found = running(members(n), [weight] * n)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.std, std, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(WEIGHTS, st.floats(1e-2, 1e2), st.randoms())
def test_only_ratios_matter_and_order_does_not(weights, factor, random):
    values = list(members(len(weights)))
    plain = running(values, weights)
    pairs = list(zip(values, [factor * w for w in weights], strict=True))
    random.shuffle(pairs)
    other = running(*zip(*pairs, strict=True))
    np.testing.assert_allclose(other.mean, plain.mean, rtol=1e-9)
    np.testing.assert_allclose(other.std, plain.std, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy])
def test_mutual_information_counts_members_by_weight(make):
    values, weights = members(4), [0.5, 2.0, 1.0, 0.1]
    found = running(map(make, values), weights, entropies=True).mutual_information
    mean = np.average(values, axis=0, weights=weights)
    own = np.average([entropy(v) for v in values], axis=0, weights=weights)
    np.testing.assert_allclose(np.asarray(found), entropy(mean) - own, atol=1e-6)


def test_tensors_give_what_arrays_give():
    weights = [0.125] * 4 + [0.05] * 10
    values = members(14).astype("f4")
    plain, tensors = (running(v, weights) for v in (values, torch.from_numpy(values)))
    np.testing.assert_allclose(tensors.mean.numpy(), plain.mean, atol=1e-6)
    np.testing.assert_allclose(tensors.std.numpy(), plain.std, atol=1e-6)


def test_a_member_of_little_weight_matters_little():
    values = members(5)
    plain, more = running(values[:4], [1] * 4), running(values, [1] * 4 + [1e-9])
    np.testing.assert_allclose(more.mean, plain.mean, atol=1e-8)
    np.testing.assert_allclose(more.std, plain.std, atol=1e-6)
