import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation.scribbles import Scribbles, as_scribbles
from napari_sciml.images.mosaic import frame_at
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.sampling import (
    CropSampler,
    bootstrap_strokes,
    targets_in,
)
from napari_sciml.training.data.targets import IGNORE


def sampler(make, labels, edge, image=None, **settings):
    """Crops whose only channel is the gray value, by default the label."""
    image = labels.astype(np.float32) if image is None else image
    cache = ChannelCache(image, make(labels.ndim))
    return CropSampler(as_scribbles(labels), cache, edge=edge, **settings)


def found_in(labels, region):
    return targets_in(as_scribbles(labels), region, frame_at(labels, region)).numpy()


@pytest.mark.parametrize("shape", [(40, 30), (20, 24, 18), (40, 7), (20, 9, 30)])
def test_targets_follow_the_turned_channels(gray_ensemble, shape):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape).astype(np.uint8)
    crops = sampler(gray_ensemble, labels, edge=12)
    seen = 0
    for _ in range(20):
        batch = crops.draw(2, rng)
        assert batch.channels.dtype == torch.float32
        assert batch.targets.dtype == torch.int64
        labeled = batch.targets != IGNORE
        assert torch.equal(batch.channels[:, 0][labeled], batch.targets[labeled] + 1.0)
        seen += int(labeled.sum())
    assert seen > 1000


@pytest.mark.parametrize("dims", [2, 3])
def test_all_turns_come_up(gray_ensemble, dims):
    """The only crop there is: 8 ways to turn it in 2D, 48 in 3D."""
    image = np.arange(8**dims, dtype=np.float32).reshape((8,) * dims)
    labels = np.ones(image.shape, np.uint8)
    crops = sampler(gray_ensemble, labels, 8, image)
    rng = np.random.default_rng(0)
    found = {crops.draw(1, rng).channels.numpy().tobytes() for _ in range(500)}
    assert len(found) == {2: 8, 3: 48}[dims]


@st.composite
def lonely_labels(draw):
    """One voxel of each class, anywhere, and the edge of a crop."""
    dims = draw(st.sampled_from([2, 3]))
    shape = draw(st.tuples(*[st.integers(3, 30 // dims)] * dims))
    places = st.tuples(*[st.integers(0, n - 1) for n in shape])
    a, b = draw(st.lists(places, min_size=2, max_size=2, unique=True))
    labels = np.zeros(shape, np.uint8)
    labels[a], labels[b] = 1, 2
    return labels, draw(st.integers(8, 40))


def test_a_crop_shows_the_label_it_was_drawn_for(gray_ensemble):
    @settings(deadline=None, max_examples=60)
    @given(lonely_labels(), st.integers(0, 99))
    def check(case, seed):
        labels, edge = case
        crops = sampler(gray_ensemble, labels, edge)
        rng = np.random.default_rng(seed)
        for _ in range(3):
            batch = crops.draw(1, rng)
            assert sorted(batch.targets.shape[1:]) == sorted(
                min(edge, n) for n in labels.shape
            )
            assert (batch.targets != IGNORE).any()

    check()


def test_rare_classes_are_drawn_as_often(gray_ensemble):
    labels = np.zeros((200, 40), np.uint8)
    labels[:100] = 1
    labels[190, 20] = 2
    crops, rng = sampler(gray_ensemble, labels, edge=10), np.random.default_rng(0)
    rare = [bool((crops.draw(1, rng).targets == 1).any()) for _ in range(400)]
    assert np.mean(rare) == pytest.approx(0.5, abs=0.1)


def test_crops_lie_everywhere_around_a_label(gray_ensemble):
    labels = np.zeros((60, 60), np.uint8)
    labels[30, 30] = 2
    rows = np.repeat(np.arange(60, dtype=np.float32)[:, None], 60, 1)
    crops, rng = sampler(gray_ensemble, labels, 16, rows), np.random.default_rng(0)
    starts = {int(crops.draw(1, rng).channels.min()) for _ in range(300)}
    low, high = 30 - 15 + 3, 30 - 3  # never at a cut edge
    assert {start for start in starts if start} <= set(range(low, high + 1))
    assert {low, high} <= starts


def test_crops_reach_the_border_of_the_image(gray_ensemble):
    labels = np.zeros((30, 30), np.uint8)
    labels[0, 0], labels[29, 29] = 1, 2
    crops, rng = sampler(gray_ensemble, labels, 12), np.random.default_rng(0)
    for _ in range(30):
        assert int((crops.draw(1, rng).targets != IGNORE).sum()) == 1


@pytest.mark.parametrize(
    ("start", "stop", "kept"),
    [
        (0, 20, range(20)),
        (0, 10, range(7)),
        (10, 20, range(13, 20)),
        (5, 15, range(8, 12)),
        (8, 13, []),
    ],
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_labels_at_cut_edges_are_ignored(axis, start, stop, kept):
    labels = np.full((20, 20, 20), 2, np.uint8)
    region = [slice(0, 20)] * 3
    region[axis] = slice(start, stop)
    targets = np.moveaxis(found_in(labels, tuple(region)), axis, 0)
    assert set(np.unique(targets)) <= {IGNORE, 1}
    rows = np.flatnonzero((targets == 1).all((1, 2))) + start
    assert rows.tolist() == list(kept)
    assert (targets == 1).sum() == len(rows) * 400


def test_labels_are_left_alone(gray_ensemble):
    labels = np.random.default_rng(0).integers(0, 3, (20, 20)).astype(np.uint8)
    before = labels.copy()
    found_in(labels, (slice(3, 9), slice(0, 20)))
    sampler(gray_ensemble, labels, 8).draw(5, np.random.default_rng(0))
    assert np.array_equal(labels, before)


@pytest.mark.parametrize(
    ("settings", "spacing", "ways"),
    [
        ({"flips": False}, None, 6),
        ({"turns": False}, None, 8),
        ({"flips": False, "turns": False}, None, 1),
        ({}, (3.0, 1.0, 1.0), 16),
        ({}, (3.0, 1.0, 2.0), 8),
    ],
)
def test_only_allowed_turns_come_up(gray_ensemble, settings, spacing, ways):
    image = np.arange(8**3, dtype=np.float32).reshape(8, 8, 8)
    labels = np.ones(image.shape, np.uint8)
    crops = sampler(
        *(gray_ensemble, labels, 8, image),
        augmentation=AugmentationConfig(**settings),
        spacing=spacing,
    )
    rng = np.random.default_rng(0)
    found = {crops.draw(1, rng).channels.numpy().tobytes() for _ in range(300)}
    assert len(found) == ways


@pytest.mark.parametrize("shape", [(40, 30), (20, 24, 18), (14, 9)])
@pytest.mark.parametrize("sigmas", [(), (1.0, 2.0)])
def test_augmented_labels_stay_on_their_gray_values(gray_ensemble, shape, sigmas):
    """Also at the border of the image, where there is no margin to read."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape).astype(np.uint8)
    cache = ChannelCache(labels.astype(np.float32), gray_ensemble(len(shape), sigmas))
    crops = CropSampler(
        as_scribbles(labels),
        cache,
        edge=12,
        augmentation=AugmentationConfig(offset=1e-6),
    )
    seen = 0
    for _ in range(20):
        batch = crops.draw(2, rng)
        labeled = batch.targets != IGNORE
        gray = batch.channels[:, 0][labeled]
        assert torch.allclose(gray, batch.targets[labeled] + 1.0, atol=1e-4)
        seen += int(labeled.sum())
    assert seen > 1000


def test_channels_are_those_of_the_varied_gray_values(gray_ensemble):
    """Noise must pass through the front end like the image that it lies on."""
    image = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    labels = as_scribbles(np.ones(image.shape, np.uint8))
    cache = ChannelCache(image, gray_ensemble(2, (1.0, 2.0)))
    exact = {"flips": False, "turns": False}
    crops = [
        CropSampler(labels, cache, edge=16, augmentation=AugmentationConfig(**settings))
        for settings in (exact, {**exact, "offset": 1e-7}, {**exact, "gain": 1.0})
    ]
    plain, same, louder = (c.draw(1, np.random.default_rng(3)).channels for c in crops)
    assert torch.allclose(plain, same, atol=1e-4)
    gain = (louder[0, 0] / plain[0, 0]).median()
    # Value, smoothed value, gradient, trace and norm are linear in the gray values.
    assert torch.allclose(louder[0, 1:5], gain * plain[0, 1:5], atol=1e-3)
    assert abs(gain - 1) > 0.01


def test_bootstrap_draws_whole_strokes_of_every_class():
    labels = np.zeros((60, 40), np.uint8)
    for row in range(20):
        labels[3 * row, 2:12] = 1
        labels[3 * row, 20:34] = 2
    shares = []
    for seed in range(200):
        drawn, often = bootstrap_strokes(
            Scribbles.from_dense(labels), np.random.default_rng(seed)
        )
        kept, times = drawn.to_dense(), np.zeros(labels.shape, int)
        times[kept > 0] = often
        assert set(np.unique(kept)) == {0, 1, 2}
        assert np.array_equal(kept[kept > 0], labels[kept > 0])
        rows = (kept[::3, 20:34] > 0).mean(1)
        assert set(rows) <= {0.0, 1.0}
        assert np.array_equal(times > 0, kept > 0)
        assert times[::3, 20].sum() == times[::3, 2].sum() == 20
        shares.append(rows.mean())
    # A stroke is left out with (1 - 1/n)^n, about 1/e.
    assert np.mean(shares) == pytest.approx(1 - (1 - 1 / 20) ** 20, abs=0.02)


def test_a_stroke_drawn_twice_is_met_twice_as_often(gray_ensemble):
    labels = np.zeros((200, 20), np.uint8)
    labels[20, 5:15] = labels[180, 5:15] = 1
    times = np.repeat([1, 3], 10)
    rows = np.repeat(np.arange(200, dtype=np.float32)[:, None], 20, 1)
    crops = sampler(gray_ensemble, labels, 12, rows, times=times)
    rng = np.random.default_rng(0)
    far = [float(crops.draw(1, rng).channels.mean()) > 100 for _ in range(600)]
    assert np.mean(far) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize("augmentation", [{}, {"offset": 1e-6}, {"rotation": 90}])
def test_crops_of_slices_keep_the_labels_of_theirs(gray_ensemble, augmentation):
    """Slices apart: a crop is one slice, and nothing along z is dropped."""
    labels = np.zeros((9, 40, 40), np.uint8)
    labels[1, 5:35, 5:35], labels[7, 5:35, 5:35] = 1, 2
    image = np.repeat(np.arange(9.0, dtype=np.float32), 1600).reshape(labels.shape)
    crops = sampler(
        *(gray_ensemble, labels, (1, 24, 24), image),
        augmentation=AugmentationConfig(**augmentation),
        spacing=(1e9, 1.0, 1.0),
    )
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = crops.draw(1, rng)
        assert batch.targets.shape == (1, 1, 24, 24)
        labeled = batch.targets != IGNORE
        assert labeled.any()
        slices = 6.0 * batch.targets[labeled] + 1
        assert torch.allclose(batch.channels[:, 0][labeled], slices, atol=1e-4)
