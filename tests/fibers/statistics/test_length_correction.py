"""Lengths without the bias of the border, against segments of known lengths."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from napari_sciml.fibers.geometry.border import effective_number, whole_fiber_weights
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.statistics.distributions import describe_distributions
from napari_sciml.fibers.statistics.length_distribution import length_distribution
from napari_sciml.fibers.statistics.length_fit import LengthFit, fit_lengths, fit_many
from napari_sciml.fibers.statistics.survival import survival_lengths
from napari_sciml.samples.phantom import PhantomConfig, make_phantom

BOX = np.array([100, 100, 100])


def segments(n, lengths, rng, box=BOX, flat=False):
    """What a box shows of straight segments that lie anywhere round it.

    Returns the table of their visible parts, of thickness zero, and how many have
    their middle inside.
    """
    direction = rng.normal(size=(n, 3)) * [0 if flat else 1, 1, 1]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    reach = lengths.max() / 2 * np.array([0 if flat else 1, 1, 1])
    middle = rng.uniform(-reach, box + reach, (n, 3))
    half = lengths[:, None] * direction / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (0 - middle) / half, (box - middle) / half
    first = np.nan_to_num(np.minimum(to_low, to_high), nan=-np.inf).max(axis=1)
    last = np.nan_to_num(np.maximum(to_low, to_high), nan=np.inf).min(axis=1)
    first, last = np.maximum(first, -1), np.minimum(last, 1)
    seen = last - first > 0.02
    visible = (last - first) / 2 * lengths
    extent = np.abs(half * (last - first)[:, None])
    table = pd.DataFrame(direction, columns=["dz", "dy", "dx"]).assign(
        length=visible,
        arc_length=visible,
        volume=visible,
        touches_border=(first > -1) | (last < 1),
        cut_ends=(first > -1).astype(int) + (last < 1),
        diameter=1.0,
        tortuosity=1.0,
        curvature=0.0,
        contacts=0,
        spacing=np.nan,
    )
    # A box that is b + 1 voxels wide has n - b - 2 places.
    table[["extent_z", "extent_y", "extent_x"]] = extent - 1
    inside = ((middle >= 0) & (middle < box)).all(axis=1)
    return table[seen].reset_index(drop=True), int(inside.sum())


def lognormal(n, rng, mean=40.0, sigma=0.35):
    return rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, n)


@pytest.mark.parametrize("flat", [False, True])
def test_the_corrected_mean_is_right_and_the_naive_one_is_not(flat):
    """95 % intervals hold the truth in about 95 of 100 simulations."""
    rng = np.random.default_rng(0)
    shape = tuple(BOX[1:]) if flat else tuple(BOX)
    box = np.array([1, 100, 100]) if flat else BOX
    hits, naive_hits, means, naive = 0, 0, [], []
    for _ in range(100):
        table, _ = segments(900, lognormal(900, rng), rng, box, flat)
        found = describe_distributions(table, shape, draws=200)
        corrected, seen = found["length_corrected"]["mean"], found["length"]["mean"]
        hits += corrected["low"] <= 40 <= corrected["high"]
        naive_hits += seen["low"] <= 40 <= seen["high"]
        means.append(corrected["value"])
        naive.append(seen["value"])
    assert hits >= 87
    assert naive_hits <= 5
    assert np.mean(means) == pytest.approx(40, abs=0.4)
    assert np.mean(naive) < 34


def test_the_number_of_fibers_in_the_volume_is_right():
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(60):
        table, inside = segments(1500, lognormal(1500, rng), rng)
        found = describe_distributions(table, BOX, draws=10)
        ratios.append(found["fibers_per_volume"]["value"] * BOX.prod() / inside)
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)


def test_the_corrected_distribution_has_the_true_spread():
    rng = np.random.default_rng(2)
    table, _ = segments(60_000, lognormal(60_000, rng), rng)
    found = length_distribution(table, BOX)
    assert found.corrected
    assert found.fit.family == "lognormal"
    assert found.fit.shape == pytest.approx(0.35, abs=0.02)
    assert found.fit.mean == pytest.approx(40, rel=0.02)
    by_length = length_distribution(table, BOX, by_length=True)
    assert by_length.mean.value == pytest.approx(40 * np.exp(0.35**2), rel=0.02)


def test_voxels_at_the_border_count_exactly():
    """All places of a rod in a small box, each once: the weights undo the loss."""
    shape = (9, 10, 11)
    total = 0.0
    for z, y, x in np.ndindex(9 - 2, 10, 11):
        labels = np.zeros(shape, np.uint8)
        labels[z : z + 3, y, x] = 1
        total += whole_fiber_weights(measure_fibers(labels), shape)[0]
    # Its lower end may lie anywhere in the volume.
    assert total == pytest.approx(np.prod(shape))


def test_weights_in_physical_units_and_in_an_image():
    labels = np.zeros((30, 40), np.uint8)
    labels[10:13, 5:25] = 1
    table = measure_fibers(labels, voxel_size=(0.5, 2))
    weight = whole_fiber_weights(table, labels.shape, (0.5, 2))
    assert weight == pytest.approx([30 * 40 / ((30 - 4) * (40 - 21))])


def test_hardly_any_whole_fibers():
    labels = np.zeros((10, 40, 40), np.uint8)
    labels[:, 5:8, 5:8], labels[:, 20:23, 20:23] = 1, 2
    table = measure_fibers(labels)
    assert not whole_fiber_weights(table, labels.shape).any()
    assert describe_distributions(table, labels.shape)["length_corrected"] is None
    assert not length_distribution(table, labels.shape).corrected


def test_effective_number():
    assert effective_number(np.array([2.0, 2, 2, 0])) == pytest.approx(3)
    assert effective_number(np.zeros(0)) == 0


@pytest.mark.parametrize("shape", [0.8, 2.0, 6.0])
def test_weibull_as_in_scipy(shape):
    lengths = stats.weibull_min.rvs(shape, scale=50, size=300, random_state=1)
    ours = fit_many("weibull", lengths, np.ones((1, 300)))[0]
    theirs = stats.weibull_min.fit(lengths, floc=0)
    assert ours == pytest.approx((theirs[0], theirs[2]), rel=1e-3)
    fit = fit_lengths(lengths, np.ones(300))
    assert fit.family == "weibull"
    loglik = stats.weibull_min.logpdf(lengths, fit.shape, scale=fit.scale).sum()
    assert fit.aic["weibull"] * 300 == pytest.approx(4 - 2 * loglik)


def test_lognormal_as_in_scipy():
    lengths = lognormal(300, np.random.default_rng(3))
    fit = fit_lengths(lengths, np.ones(300))
    theirs = stats.lognorm.fit(lengths, floc=0)
    assert fit.family == "lognormal"
    assert (fit.shape, fit.scale) == pytest.approx((theirs[0], theirs[2]), rel=1e-3)


def test_a_weight_of_two_is_two_fibers():
    lengths = np.array([10.0, 20, 30, 45, 80])
    twice = fit_lengths(np.append(lengths, 45.0), np.ones(6))
    once = fit_lengths(lengths, np.array([1.0, 1, 1, 2, 1]))
    assert isinstance(once, LengthFit)
    assert (once.shape, once.scale) == pytest.approx((twice.shape, twice.scale))


@pytest.mark.parametrize("lengths", [[], [5.0], [7.0] * 20, [0.0] * 10])
def test_nothing_to_fit(lengths):
    assert fit_lengths(np.array(lengths), np.ones(len(lengths))) is None


@pytest.mark.parametrize("by_length", [False, True])
def test_curve_is_a_density(by_length):
    rng = np.random.default_rng(4)
    table, _ = segments(3000, lognormal(3000, rng), rng)
    found = length_distribution(table, BOX, by_length=by_length)
    x, y, low, high = found.curve
    assert trapezoid(y, x) == pytest.approx(1, abs=0.02)
    assert np.all((low <= y + 1e-6) & (y <= high + 1e-6))
    assert found.share.sum() == pytest.approx(1)
    assert found.seen.sum() == pytest.approx(1)
    assert np.all(
        (found.low <= found.share + 1e-6) & (found.share <= found.high + 1e-6)
    )


def test_kaplan_meier_in_a_box_that_fibers_do_not_fit():
    """Median 90 in a box of 100: whole fibers alone are too short."""
    rng = np.random.default_rng(5)
    truth, hits, found = 90.0, 0, []
    for _ in range(60):
        table, _ = segments(9000, truth * rng.lognormal(0, 0.3, 9000), rng)
        median = survival_lengths(table, draws=200).median
        hits += median.low <= truth <= median.high
        found.append(median.value)
    assert hits >= 51
    assert np.mean(found) == pytest.approx(truth, rel=0.03)


def test_kaplan_meier_as_in_scipy():
    rng = np.random.default_rng(6)
    lengths, cut = rng.exponential(40, 80), rng.integers(0, 2, 80)
    table = pd.DataFrame({"length": lengths, "cut_ends": cut})
    whole, part = lengths[cut == 0], lengths[cut == 1]
    data = stats.CensoredData(uncensored=np.repeat(whole, 2), right=part)
    curve = stats.ecdf(data).sf
    found = survival_lengths(table, draws=10)
    median = curve.quantiles[np.argmax(curve.probabilities <= 0.5)]
    assert found.median.value == pytest.approx(median)
    steps = np.diff(curve.quantiles, prepend=0.0)
    before = np.append(1.0, curve.probabilities[:-1])
    assert found.mean.value == pytest.approx((steps * before).sum())


def test_kaplan_meier_without_whole_fibers():
    table = pd.DataFrame({"length": np.ones(9), "cut_ends": [1] * 5 + [0] * 4})
    assert survival_lengths(table) is None


@pytest.mark.parametrize(("first", "last", "cut"), [(5, 30, 0), (0, 30, 1), (0, 60, 2)])
def test_cut_ends(first, last, cut):
    labels = np.zeros((60, 20, 20), np.uint8)
    labels[first:last, 8:12, 8:12] = 1
    assert measure_fibers(labels).cut_ends[0] == cut
    assert measure_fibers(labels[:, 10], voxel_size=(2, 1)).cut_ends[0] == cut


def test_a_fiber_along_the_border_has_both_ends():
    labels = np.zeros((60, 60, 20), np.uint8)
    labels[15:45, 20:24, 0:4] = 1
    row = measure_fibers(labels).iloc[0]
    assert (row.touches_border, row.cut_ends) == (True, 0)


def test_cut_ends_of_slanted_fibers():
    """Fibers whose hidden part is known, and fibers that end beside the border."""
    missed = false = 0
    for seed in (0, 1):
        plain = {"aggregate_fraction": 0, "void_fraction": 0}
        phantom = make_phantom(PhantomConfig(shape=(80,) * 3, seed=seed, **plain))
        table, truth = measure_fibers(phantom.labels), phantom.fibers
        hidden = (truth.full_length - truth.length) / phantom.voxel_size
        gap = [np.minimum(line, 79 - line).min() for line in phantom.centerlines]
        missed += ((hidden > 2.5) & (table.cut_ends == 0)).sum()
        false += ((np.array(gap) > 0.5) & (table.cut_ends > 0)).sum()
    assert missed + false == 0
