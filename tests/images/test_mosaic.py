"""Several images in one space: each is seen as if it were alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.mosaic import Mosaic, frame_at
from napari_sciml.images.tiles import with_halo
from napari_sciml.training.data.gathering import gathered, labels_by_image

sizes = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), min_size=1
)


def images_of(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@settings(max_examples=50, deadline=None)
@given(sizes, st.integers(0, 99))
def test_labels_come_back_to_their_image(shapes, seed):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 3, shape).astype(np.uint8) for shape in shapes]
    image, scribbles = gathered(
        [*images_of(shapes), np.ones((2, 2, 2))],
        [*labels, np.zeros((2, 2, 2), np.uint8)],
    )
    assert (np.diff(scribbles.indices) > 0).all()
    found = labels_by_image(image, scribbles)
    for (_, back), given_ in zip(found, labels, strict=False):
        assert back == Scribbles.from_dense(given_)


@settings(max_examples=50, deadline=None)
@given(sizes, st.integers(0, 20), st.integers(0, 99))
def test_a_halo_ends_where_the_image_does(shapes, halo, seed):
    rng = np.random.default_rng(seed)
    images = images_of(shapes)
    mosaic = Mosaic(images)
    number = int(rng.integers(len(images)))
    part = mosaic.parts[number]
    low = [int(rng.integers(n)) for n in part.shape]
    core = tuple(
        slice(f.start + a, f.start + a + 1)
        for f, a in zip(part.frame, low, strict=True)
    )
    tile = with_halo(core, halo, frame_at(mosaic, core))
    alone = with_halo(tuple(slice(a, a + 1) for a in low), halo, part.shape)
    assert tile.surround == alone.surround
    # A scale of its own changes the numbers, not the order.
    got, wanted = mosaic[tile.read], images[number][alone.read]
    assert got.shape == wanted.shape
    if not part.own_scale:
        assert np.array_equal(got, wanted)


def test_an_image_that_comes_later_moves_nothing():
    first, second = images_of([(5, 6, 7), (8, 3, 9)])
    mosaic = Mosaic([first])
    place = mosaic.to_space(0, np.array([17]))
    shape = mosaic.shape
    mosaic.add(second)
    assert mosaic.shape == shape
    assert mosaic.to_space(0, np.array([17])) == place
    assert mosaic.numbers_of(mosaic.to_space(1, np.arange(5))).tolist() == [1] * 5


@pytest.mark.parametrize(
    ("gain", "offset", "own"),
    [(1.0, 0.0, False), (1.4, 0.3, False), (8.0, 1000.0, True), (1.0, -9.0, True)],
)
def test_far_gray_values_are_brought_to_those_of_the_first(gain, offset, own):
    one, other = images_of([(40, 40), (40, 40)])
    mosaic = Mosaic([one, gain * other + offset])
    assert mosaic.intensity.per_image == own
    seen = mosaic[mosaic.parts[1].frame]
    if own:
        scale = estimate_intensity(seen)
        assert scale.offset == pytest.approx(mosaic.intensity.offset, abs=1e-5)
        assert scale.scale == pytest.approx(mosaic.intensity.scale, rel=1e-4)
    else:
        assert np.allclose(seen, gain * other + offset)


def test_channels_have_a_scale_each():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(30, 30, 2)).astype(np.float32)
    other = one * [1, 100] + [0, 5000]
    mosaic = Mosaic([ChannelImage(one), ChannelImage(other.astype(np.float32))])
    assert mosaic.channels == 2
    assert np.allclose(mosaic[mosaic.parts[1].frame], one, atol=1e-3)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([np.zeros((4, 4)), np.zeros((4, 4, 4))], "number of axes"),
        ([np.zeros((4, 4)), ChannelImage(np.zeros((4, 4, 3)))], "3 channels"),
        ([np.zeros((4, 4)), np.full((4, 4), np.nan)], "NaN"),
    ],
)
def test_what_does_not_go_together_is_told(images, words):
    with pytest.raises(InputError, match=words):
        Mosaic(images)


@pytest.mark.parametrize(
    ("image", "labels", "words"),
    [
        ([], [], "at least one"),
        ([np.zeros((4, 4))] * 2, [np.zeros((4, 4), np.uint8)], "2 images"),
        ([np.zeros((4, 4))] * 2, None, "pairs"),
        (np.zeros((4, 4)), None, "labels of the image"),
        (
            [np.zeros((4, 4))] * 2,
            [np.zeros((4, 4), np.uint8)] * 1 + [np.zeros((4, 5), np.uint8)],
            "number 2",
        ),
    ],
)
def test_lists_that_do_not_fit_are_told(image, labels, words):
    with pytest.raises(InputError, match=words):
        gathered(image, labels)
