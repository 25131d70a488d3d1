import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.training.channels import ChannelCache
from napari_sciml.training.sampling import IGNORE, CropSampler, targets_in


def sampler(make, labels, edge, image=None):
    """Crops whose only channel is the gray value, by default the label."""
    image = labels.astype(np.float32) if image is None else image
    return CropSampler(labels, ChannelCache(image, make(labels.ndim)), edge=edge)


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
    targets = np.moveaxis(targets_in(labels, tuple(region)).numpy(), axis, 0)
    assert set(np.unique(targets)) <= {IGNORE, 1}
    rows = np.flatnonzero((targets == 1).all((1, 2))) + start
    assert rows.tolist() == list(kept)
    assert (targets == 1).sum() == len(rows) * 400


def test_labels_are_left_alone(gray_ensemble):
    labels = np.random.default_rng(0).integers(0, 3, (20, 20)).astype(np.uint8)
    before = labels.copy()
    targets_in(labels, (slice(3, 9), slice(0, 20)))
    sampler(gray_ensemble, labels, 8).draw(5, np.random.default_rng(0))
    assert np.array_equal(labels, before)
