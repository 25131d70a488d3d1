import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.statistics import (
    RunningStatistics,
    ensemble_statistics,
    entropy,
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
