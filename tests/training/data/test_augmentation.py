import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import ndimage

from napari_sciml.training.data.augmentation import (
    augment,
    elastic_displacement,
    resample,
)
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.targets import IGNORE

STILL = {"flips": False, "turns": False}
SHAPES = [(24, 24), (17, 30), (14, 14, 14), (9, 16, 16)]
GEOMETRY = [
    {"flips": True, "turns": True},
    {"rotation": 180, **STILL},
    {"elastic": 3, **STILL},
    {"rotation": 40, "elastic": 6},
]
PHOTOMETRY = [
    {"blur": 2.0},
    {"gamma": 0.7},
    {"gain": 0.5},
    {"offset": 1.0},
    {"noise": 0.5},
    {"blur": 1, "gamma": 0.3, "gain": 0.2, "offset": 0.2, "noise": 0.3},
]


def run(gray, targets, seed=0, spacing=None, **options):
    rng = np.random.default_rng(seed)
    config = AugmentationConfig(**options)
    return augment(gray, targets, config, rng, spacing=spacing)


def random_crop(shape, seed=0):
    rng = np.random.default_rng(seed)
    gray = rng.normal(size=shape).astype(np.float32)
    return gray, rng.integers(-1, 3, shape)


def large_patches(shape, classes=4, seed=0):
    """Every voxel has a class, the same as its neighbors mostly."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 3, mode="wrap")
    cuts = np.quantile(smooth, np.arange(1, classes) / classes)
    return np.digitize(smooth, cuts).astype(np.int64)


@pytest.mark.parametrize("options", [*GEOMETRY, {"cutout": 3, **PHOTOMETRY[-1]}])
@pytest.mark.parametrize("shape", SHAPES)
def test_shape_dtype_seed_and_nothing_written_to(options, shape):
    gray, targets = random_crop(shape)
    before = gray.copy(), targets.copy()
    found = run(gray, targets, **options)
    for a, b in zip(found, before, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.flags.c_contiguous
    assert np.array_equal(gray, before[0])
    assert np.array_equal(targets, before[1])
    for array in found:
        array[:] = 0  # not a view of what was given
    assert np.array_equal(gray, before[0])
    again, other = run(gray, targets, **options), run(gray, targets, 1, **options)
    twice = run(gray, targets, **options)
    assert all(np.array_equal(a, b) for a, b in zip(again, twice, strict=True))
    assert not np.array_equal(again[0], other[0])


@pytest.mark.parametrize("options", GEOMETRY)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_of_the_labels_stays_one(options, shape):
    """Exactly away from borders between classes, and at them as near as can be."""
    for seed in range(5):
        truth = large_patches(shape, seed=seed)
        window = {"size": 3, "mode": "nearest"}
        border = ndimage.maximum_filter(truth, **window) != ndimage.minimum_filter(
            truth, **window
        )
        gray, targets = run(truth.astype(np.float32), truth, seed, **options)
        near, _ = run(border.astype(np.float32), truth, seed, **options)
        kept = targets != IGNORE
        assert kept.mean() > 0.3
        away = kept & (near == 0)
        assert away.sum() > 20
        assert gray[away] == pytest.approx(targets[away], abs=1e-4)
        # The nearest voxel has at least this weight in linear interpolation.
        least = 0.5 ** len(shape)
        assert (np.abs(gray - targets)[kept] <= 3 * (1 - least) + 1e-4).all()


@pytest.mark.parametrize("options", GEOMETRY)
@pytest.mark.parametrize("shape", SHAPES)
def test_lonely_labels_land_where_their_voxel_is(options, shape):
    """The image holds each voxel's coordinate, so it tells where a label was."""
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(8):
        targets = np.full(shape, IGNORE)
        place = tuple(int(rng.integers(3, n - 3)) for n in shape)
        targets[place] = 1
        results = [
            run(axis.astype(np.float32), targets, seed, **options)
            for axis in np.indices(shape)
        ]
        moved = results[0][1]
        came_from = np.stack([gray for gray, _ in results])
        offset = came_from - np.reshape(place, (-1, *[1] * len(shape)))
        at_home = (np.abs(offset) <= 0.5 + 1e-4).all(0)
        surely = (np.abs(offset) <= 0.5 - 1e-4).all(0)
        assert not (moved == 1)[~at_home].any()
        # What lies beyond the crop is mirrored in the image, but has no label.
        missed = surely & (moved != 1)
        assert missed.sum() <= 1
        assert set(np.unique(moved)) <= {IGNORE, 1}
        found += int((moved == 1).sum())
    assert found > 2


@pytest.mark.parametrize("shape", SHAPES)
def test_flips_and_turns_lose_nothing(shape):
    gray, targets = random_crop(shape)
    both = np.stack([gray.ravel(), targets.ravel()])
    for seed in range(20):
        moved = np.stack([a.ravel() for a in run(gray, targets, seed)])
        assert np.array_equal(moved[:, moved[0].argsort()], both[:, both[0].argsort()])


@pytest.mark.parametrize(
    ("shape", "options", "ways"),
    [
        ((5, 5), {}, 8),
        ((5, 5, 5), {}, 48),
        ((5, 5, 5), {"flips": False}, 6),
        ((5, 5, 5), {"turns": False}, 8),
        ((3, 5, 5), {}, 16),
        ((3, 5), {}, 4),
        ((5, 5), STILL, 1),
        ((5, 5, 5), {"spacing": (2.0, 1.0, 1.0)}, 16),
        ((5, 5), {"spacing": (1.0, 1.5)}, 4),
    ],
)
def test_all_turns_come_up(shape, options, ways):
    gray, targets = random_crop(shape)
    found = {run(gray, targets, s, **options)[0].tobytes() for s in range(60 * ways)}
    assert len(found) == ways


@pytest.mark.parametrize("spacing", [None, (1.0, 1.0, 1.0), (4.0, 1.0, 1.0)])
def test_rotation_is_rigid_in_space(spacing):
    """A ball of equal size in every direction stays the same ball."""
    shape = (15, 41, 41)
    steps = np.reshape(spacing or (1, 1, 1), (3, 1, 1, 1))
    place = (np.indices(shape) - np.reshape((7, 20, 20), (3, 1, 1, 1))) * steps
    away = np.sqrt((place**2).sum(0))
    near = away < min(7 * steps.ravel()[0], 20) - 2
    ball = (away < 5).astype(np.int64)
    for seed in range(5):
        gray, targets = run(
            away.astype(np.float32), ball, seed, spacing, rotation=180, **STILL
        )
        assert np.abs(gray - away)[near].max() < 0.8 * steps.max() ** 0.5
        assert np.array_equal(
            targets[away < 5 - steps.max()], ball[away < 5 - steps.max()]
        )
        assert not targets[near & (away > 5 + steps.max())].any()


def test_rotation_by_hand():
    """A quarter turn by the map of coordinates is numpy's."""
    gray, targets = random_crop((8, 8))
    place = np.indices((8, 8)).astype(float)
    source = np.stack([place[1], 7 - place[0]])
    moved, found = resample(gray, targets, source)
    assert moved == pytest.approx(np.rot90(gray), abs=1e-6)
    assert np.array_equal(found, np.rot90(targets))


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0.4, -0.4), (-2.6, 1.2)])
def test_shift_by_hand(shift):
    gray, targets = random_crop((9, 7))
    source = np.indices((9, 7)) + np.reshape(shift, (2, 1, 1))
    moved, found = resample(gray, targets, source)
    whole = np.rint(shift).astype(int)
    for place in np.ndindex(9, 7):
        there = tuple(np.array(place) + whole)
        inside = all(0 <= v < n for v, n in zip(there, (9, 7), strict=True))
        assert found[place] == (targets[there] if inside else IGNORE)
        if inside and not np.any(np.mod(shift, 1)):
            assert moved[place] == pytest.approx(gray[there], abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([(20, 31), (12, 25, 18)]),
    st.floats(0.1, 20),
    st.integers(0, 999),
)
def test_elastic_fields_are_bounded_smooth_and_never_fold(shape, largest, seed):
    field = elastic_displacement(shape, largest, np.random.default_rng(seed))
    assert field.shape == (len(shape), *shape)
    assert np.abs(field).max() <= largest * (1 + 1e-9)
    assert np.abs(np.diff(field, axis=1)).max() < 0.7
    gradient = np.stack(
        [np.stack(np.gradient(component)) for component in field]
    ) + np.eye(len(shape)).reshape(len(shape), len(shape), *[1] * len(shape))
    determinant = np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)))
    assert determinant.min() > 0


def test_elastic_displacements_are_used_to_the_full():
    rng = np.random.default_rng(0)
    largest = [np.abs(elastic_displacement((58, 58), 4, rng)).max() for _ in range(20)]
    assert np.mean(largest) > 2


@pytest.mark.parametrize("options", PHOTOMETRY)
@pytest.mark.parametrize("shape", [(40, 40), (20, 20, 20)])
def test_gray_changes_and_targets_do_not(options, shape):
    gray, targets = random_crop(shape)
    moved, found = run(gray, targets, **STILL, **options)
    assert np.array_equal(found, targets)
    assert not np.array_equal(moved, gray)
    assert np.isfinite(moved).all()


@pytest.mark.parametrize("seed", range(10))
def test_photometry_by_hand(seed):
    gray, targets = random_crop((40, 40), seed)
    change = {
        name: run(gray, targets, seed, **STILL, **{name: 0.5})[0]
        for name in ("gamma", "gain", "offset", "noise", "blur")
    }
    assert np.diff(change["gamma"].ravel()[gray.ravel().argsort()]).min() > -1e-5
    assert change["gamma"].min() == pytest.approx(gray.min(), abs=1e-5)
    assert change["gamma"].max() == pytest.approx(gray.max(), abs=1e-5)
    factor = change["gain"] / gray
    assert np.ptp(factor) < 1e-4
    assert abs(np.log(factor.mean())) <= 0.5
    shift = change["offset"] - gray
    assert np.ptp(shift) < 1e-5
    assert abs(shift.mean()) <= 0.5
    noise = change["noise"] - gray
    assert 0 < noise.std() < 0.5 * 1.1
    assert abs(noise.mean()) < 0.05
    assert change["blur"].std() <= gray.std()
    assert change["blur"].mean() == pytest.approx(gray.mean(), abs=0.02)


def test_a_flat_crop_stays_finite():
    flat = np.full((9, 9), 0.3, np.float32)
    options = {**PHOTOMETRY[-1], "rotation": 90, "elastic": 3, "cutout": 1}
    found = run(flat, np.zeros((9, 9), np.int64), **options)[0]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("shape", [(30, 30), (12, 20, 16), (3, 20, 16)])
@pytest.mark.parametrize("count", [1, 4])
def test_cutout_hides_gray_values_and_their_labels(shape, count):
    gray, _ = random_crop(shape)
    targets = np.ones(shape, np.int64)
    box = int(np.prod([min(5, n) for n in shape]))
    sizes = []
    for seed in range(20):
        moved, found = run(gray, targets, seed, **STILL, cutout=count, cutout_size=5)
        hidden = found == IGNORE
        sizes.append(int(hidden.sum()))
        assert box <= sizes[-1] <= count * box
        assert (moved[hidden] == moved[hidden][0]).all()
        assert np.array_equal(moved[~hidden], gray[~hidden])
        assert (found[~hidden] == 1).all()
    assert max(sizes) > 0.7 * count * box


@pytest.mark.parametrize(
    ("options", "active"),
    [
        ({}, False),
        (STILL, False),
        ({"cutout_size": 5}, False),
        *(({name: 1}, True) for name in ("rotation", "elastic", "blur", "gamma")),
        *(({name: 1}, True) for name in ("gain", "offset", "noise", "cutout")),
    ],
)
def test_active_is_beyond_flips_and_turns(options, active):
    assert AugmentationConfig(**options).active is active


@pytest.mark.parametrize(
    "options",
    [{"rotation": -1}, {"elastic": -1}, {"noise": -1}, {"cutout": -1}, {"zoom": 1}],
)
def test_settings_that_make_no_sense(options):
    with pytest.raises(ValidationError):
        AugmentationConfig(**options)


@pytest.mark.parametrize("change", [{"rotation": 180}, {"elastic": 4}, {"blur": 5}])
def test_slices_apart_are_varied_one_by_one(change):
    """Each slice has a gray value and a class of its own, and keeps them."""
    shape = (6, 24, 24)
    targets = np.repeat(np.arange(6), 24 * 24).reshape(shape)
    for seed in range(5):
        moved, labels = run(
            *(targets.astype(np.float32), targets, seed, (1e9, 1.0, 1.0)),
            **STILL,
            **change,
        )
        labeled = labels != IGNORE
        assert labeled.mean() > 0.5
        assert np.array_equal(labels[labeled], targets[labeled])
        assert np.allclose(moved, targets, atol=1e-3)


def test_blur_is_the_same_in_space():
    gray = np.zeros((41, 41), np.float32)
    gray[20, 20] = 1
    widest = 0.0
    for seed in range(10):
        blurred, _ = run(
            gray, np.zeros((41, 41), int), seed, (2.0, 1.0), **STILL, blur=5
        )
        place = (np.indices(gray.shape) - 20) * np.reshape((2, 1), (2, 1, 1))
        across, along = ((place**2 * blurred).sum((1, 2)) / blurred.sum()) ** 0.5
        widest = max(widest, along)
        if along > 2:  # finer blurs are not resolved by the voxels
            assert across == pytest.approx(along, rel=0.1)
    assert widest > 4
