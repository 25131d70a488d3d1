"""From thresholds to lengths, and all distributions in one record."""

import json

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.fibers.statistics.bootstrap import (
    draw_anew,
    estimate,
    weighted_mean,
    weighted_quantile,
)
from napari_sciml.fibers.statistics.distributions import describe_distributions
from napari_sciml.fibers.statistics.sweep import sweep_thresholds


@pytest.fixture
def prediction():
    """A sure fiber and one whose ends are less and less sure."""
    mean = np.zeros((30, 30, 80), np.float32)
    mean[8:13, 8:13, 10:50] = 0.9
    fading = np.clip(1 - np.abs(np.arange(80) - 40) / 40, 0, 1)
    mean[20:25, 20:25] = fading
    return mean, np.full_like(mean, 0.1)


def test_higher_thresholds_shorten_what_is_unsure(prediction):
    found = sweep_thresholds(*prediction, label_fibers, ks=(0, 1), ts=(0.3, 0.6))
    assert found[["k", "t"]].to_numpy().tolist() == [
        [0, 0.3],
        [0, 0.6],
        [1, 0.3],
        [1, 0.6],
    ]
    assert found.fibers.tolist() == [2, 2, 2, 2]
    # Voxels of the fading fiber with 1 - d / 40 > t + k 0.1.
    expected = [(40 + n) / 2 for n in (55, 31, 47, 23)]
    assert np.allclose(found.length_mean, expected, atol=1)
    assert np.all(found.fraction.diff()[[1, 3]] < 0)
    assert np.all(found.length_low <= found.length_mean)


def test_a_sweep_with_nothing_left(prediction):
    row = sweep_thresholds(*prediction, label_fibers, ks=(3,), ts=(0.9,)).iloc[0]
    assert row.fibers == 0
    assert np.isnan([row.length_mean, row.length_low, row.length_p50]).all()


def test_sweep_needs_what_fits(prediction):
    mean, std = prediction
    with pytest.raises(InputError):
        sweep_thresholds(mean, std[1:], label_fibers)


@pytest.mark.parametrize("shape", [(30, 40, 50), (40, 50)])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_distributions_write_as_json(shape, count):
    labels = np.zeros(shape, np.uint8)
    for i in range(count):
        labels[..., 4 * i : 4 * i + 2, 5 : 20 + 2 * i] = i + 1
    found = describe_distributions(measure_fibers(labels), shape, draws=30)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["length"]["mean"]["value"] is None) == (count == 0)
    assert (found["length"]["mean"]["low"] is None) == (count < 2)
    fraction = found["area_fraction" if len(shape) == 2 else "volume_fraction"]
    assert fraction["value"] == pytest.approx((labels > 0).mean())


def test_the_same_seed_gives_the_same_numbers():
    values = np.random.default_rng(0).random(50)
    first, again, other = (
        estimate(50, weighted_mean(values, np.ones(50)), draws=100, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("statistic", [weighted_mean, weighted_quantile])
def test_coverage_of_the_interval(statistic):
    rng = np.random.default_rng(1)
    truth = {weighted_mean: 1.0, weighted_quantile: np.log(2)}[statistic]
    hits = 0
    for _ in range(200):
        values = rng.exponential(size=80)
        found = estimate(80, statistic(values, np.ones(80)), draws=200, seed=0)
        hits += found.low <= truth <= found.high
    assert 176 <= hits <= 198


def test_volume_fraction_of_fibers_that_lie_anywhere():
    """The number of fibers is random: its spread is in the interval."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(100):
        labels = np.zeros((1, 200, 200), np.uint16)
        for i in range(rng.poisson(40)):
            y, x = rng.integers(0, (199, 180))
            labels[0, y, x : x + 20] = i + 1
        found = describe_distributions(measure_fibers(labels), labels.shape, draws=200)
        fraction = found["volume_fraction"]
        hits += fraction["low"] <= 40 * 20 / 200**2 <= fraction["high"]
    assert hits >= 86


def test_draws_of_very_many_fibers_fit_in_memory():
    drawn = draw_anew(
        500_000, lambda counts: counts.sum(axis=1, dtype=float), draws=1000, seed=0
    )
    assert len(drawn) == 200
    assert np.all(drawn == 500_000)
