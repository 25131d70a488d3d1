import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.statistics import (
    RunningStatistics,
    ensemble_quantiles,
    ensemble_statistics,
    entropy,
    mutual_information,
)


def members(n, shape=(3, 4, 5), dtype=np.float64):
    return np.random.default_rng(n).random((n, *shape)).astype(dtype)


@pytest.mark.parametrize("n", [2, 3, 5, 50])
def test_agrees_with_numpy(n):
    mean, std = ensemble_statistics(members(n))
    assert np.allclose(mean, members(n).mean(axis=0))
    assert np.allclose(std, members(n).std(axis=0, ddof=1))


def test_std_does_not_shrink_with_more_members():
    rng = np.random.default_rng(0)
    std = ensemble_statistics(rng.normal(0, 0.1, (400, 500)))[1]
    assert std.mean() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_torch_gives_what_numpy_gives(dtype):
    values = members(5, dtype=np.float16)
    mean, std = ensemble_statistics(torch.from_numpy(values).to(dtype))
    assert isinstance(mean, torch.Tensor)
    expected = ensemble_statistics(values.astype(np.float64))
    assert np.allclose(mean.numpy(), expected[0], atol=1e-6)
    assert np.allclose(std.numpy(), expected[1], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)],
)
def test_precision(given, kept):
    mean, std = ensemble_statistics(members(3, dtype=given))
    assert (mean.dtype, std.dtype) == (kept, kept)


def test_one_member_has_no_spread():
    mean, std = ensemble_statistics(members(1))
    assert np.array_equal(mean, members(1)[0])
    assert not std.any()


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.7, 1.0])
def test_equal_members_have_no_spread(value):
    std = ensemble_statistics(np.full((7, 4), value, np.float32))[1]
    assert np.isfinite(std).all()
    assert std.max() < 1e-7


def test_small_spread_on_a_large_mean_survives():
    values = 1 + np.array([[1e-5], [2e-5], [3e-5]])
    assert ensemble_statistics(values)[1] == pytest.approx(1e-5, rel=1e-6)


def test_running_statistics_at_every_step():
    values, running = members(6), RunningStatistics()
    for n, member in enumerate(values, start=1):
        running.add(member)
        assert running.count == n
        assert np.allclose(running.mean, values[:n].mean(axis=0))
        if n > 1:
            assert np.allclose(running.std, values[:n].std(axis=0, ddof=1))


def test_added_members_stay_as_they_are():
    values, running = members(3), RunningStatistics()
    before = values.copy()
    for member in values:
        running.add(member)
    assert np.array_equal(values, before)


def test_bad_members():
    with pytest.raises(InputError, match="no members"):
        ensemble_statistics(np.zeros((0, 2, 3)))
    with pytest.raises(InputError, match="same voxels"):
        ensemble_statistics([np.zeros(3), np.zeros(4)])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([1, 0], 0),
        ([0.5, 0.5], 1),
        ([0.25] * 4, 1),
        ([0.5, 0.5, 0, 0], 0.5),
        ([0.25, 0.75], 0.8112781),
    ],
)
def test_entropy(dtype, probabilities, expected):
    found = entropy(np.array(probabilities, dtype)[:, None, None])
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(expected, abs=1e-3)
    assert 0 <= found[0, 0] <= 1


@pytest.mark.parametrize("values", [np.ones((1, 3)), np.float32(0.5)])
def test_entropy_needs_two_classes(values):
    with pytest.raises(InputError, match="two classes"):
        entropy(values)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([[1, 0], [1, 0]], 0),
        ([[0.5, 0.5], [0.5, 0.5]], 0),  # each of them is at a loss
        ([[1, 0], [0, 1]], 1),  # they contradict each other
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 1),
        ([[0.9, 0.1], [0.1, 0.9]], 1 - 0.4689956),
        ([[0.7, 0.3]], 0),
    ],
)
@pytest.mark.parametrize("make", [np.array, lambda v: torch.tensor(np.array(v))])
def test_mutual_information(given, expected, make):
    values = make(np.array(given, float)[..., None])
    found = mutual_information(values)
    assert type(found) is type(values)
    assert float(found[0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(), (7,), (4, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_mutual_information_while_members_come(shape, dtype):
    rng = np.random.default_rng(0)
    p = np.moveaxis(rng.dirichlet(np.ones(3), (6, *shape)), -1, 1).astype(dtype)
    running, tensors = (RunningStatistics(entropies=True) for _ in range(2))
    for n, member in enumerate(p, start=1):
        running.add(member)
        tensors.add(torch.from_numpy(member))
        own = np.mean([entropy(m) for m in p[:n]], axis=0)
        expected = entropy(p[:n].astype(np.float32).mean(axis=0)) - own
        assert running.mutual_information == pytest.approx(expected, abs=2e-6)
        assert tensors.mutual_information.numpy() == pytest.approx(
            running.mutual_information, abs=2e-6
        )
    assert running.mean.shape == (3, *shape)
    assert running.mutual_information.shape == shape


def test_mutual_information_only_where_asked_for():
    running = RunningStatistics()
    running.add(members(1)[0])
    with pytest.raises(InputError, match="entropies=True"):
        _ = running.mutual_information
    with pytest.raises(InputError, match="two classes"):
        mutual_information(np.ones((3, 1, 4)))
    with pytest.raises(InputError, match="two classes"):
        mutual_information(torch.ones((3, 1, 4)))
    with pytest.raises(InputError, match="no members"):
        mutual_information(np.ones((0, 2, 4)))


@pytest.mark.parametrize("shape", [(), (6,), (4, 5), (2, 3, 4), (2, 2, 3, 2)])
def test_regression_of_any_shape(shape):
    values = 100 * members(5, shape) - 50
    mean, std = ensemble_statistics(values)
    assert np.allclose(mean, values.mean(axis=0))
    assert np.allclose(std, values.std(axis=0, ddof=1))
    found = ensemble_quantiles(values, (0.05, 0.5, 0.95))
    assert found.shape == (3, *shape)
    assert np.allclose(found, np.quantile(values, (0.05, 0.5, 0.95), axis=0))


@pytest.mark.parametrize(
    ("q", "expected"), [(0, 1), (0.25, 2), (0.5, 3), (0.6, 3.4), (1, 5)]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_quantiles(q, expected, dtype):
    values = np.array([3, 1, 5, 2, 4], dtype)[:, None]
    before = values.copy()
    assert ensemble_quantiles(values, q) == pytest.approx([expected])
    assert np.array_equal(values, before)
    assert ensemble_quantiles(list(values), q) == pytest.approx([expected])
    assert ensemble_quantiles(torch.from_numpy(values), q) == pytest.approx([expected])


@pytest.mark.parametrize(
    ("values", "q", "reason"),
    [
        (np.ones((2, 3)), 1.5, "between 0 and 1"),
        (np.ones((2, 3)), [0.5, np.nan], "between 0 and 1"),
        (np.ones((0, 3)), 0.5, "no members"),
        ([np.ones(3), np.ones(4)], 0.5, "same voxels"),
    ],
)
def test_bad_quantiles(values, q, reason):
    with pytest.raises(InputError, match=reason):
        ensemble_quantiles(values, q)
