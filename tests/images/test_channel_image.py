import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage, channel_words, channels_of
from napari_sciml.images.checks import check_finite
from napari_sciml.images.intensity import IntensityScale, estimate_intensity

SHAPE = (5, 6, 7)
LAST = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8)
KINDS = {
    "numpy": lambda array: array,
    "dask": lambda array: da.from_array(array, chunks=2),
    "zarr": lambda array: zarr.array(array, chunks=(2,) * array.ndim),
}


class Recorder:
    """An array that remembers how much was read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read = 0

    def __getitem__(self, key):
        part = self.array[key]
        self.read += part.size
        return part


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
@pytest.mark.parametrize("kind", KINDS)
def test_shape_is_that_of_space_and_channels_come_last(kind, axis):
    image = ChannelImage(KINDS[kind](np.moveaxis(LAST, -1, axis)), axis)
    assert (image.shape, image.ndim, image.channels) == (SHAPE, 3, 3)
    assert (image.dtype, image.size, len(image)) == (np.uint8, 210, 5)
    region = (slice(1, 4), slice(0, 6), slice(3, 5))
    for key in (region, region[:2], slice(2, 4), 3, ..., (1, 2, 3)):
        assert type(image[key]) is np.ndarray
        np.testing.assert_array_equal(image[key], LAST[key])
    np.testing.assert_array_equal(image[2, ..., 4], LAST[2, :, 4])
    np.testing.assert_array_equal(np.asarray(image), LAST)


def part(length):
    whole = st.integers(0, length - 1)
    return whole | st.tuples(whole, st.integers(1, length)).map(
        lambda pair: slice(pair[0], min(length, pair[0] + pair[1]))
    )


@given(st.tuples(*map(part, SHAPE)), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_any_key_as_numpy_would(key, axis):
    image = ChannelImage(np.moveaxis(LAST, -1, axis), axis)
    np.testing.assert_array_equal(image[key], LAST[key])


def test_an_alpha_channel_can_be_left_out():
    image = ChannelImage(LAST, -1, channels=2)
    assert image.channels == 2
    np.testing.assert_array_equal(image[1:3], LAST[1:3, ..., :2])
    assert ChannelImage(LAST, -1, channels=9).channels == 3


def test_only_what_is_asked_for_is_read():
    source = Recorder(np.moveaxis(LAST, -1, 0))
    image = ChannelImage(source, 0)
    assert source.read == 0
    image[1:3, :2, 4]
    assert source.read == 3 * 2 * 2


@pytest.mark.parametrize(
    ("shape", "axis", "channels"),
    [((4, 5), 2, None), ((4, 5), -3, None), ((4, 0), 1, None), ((4, 5), 1, 0)],
)
def test_what_has_no_channels(shape, axis, channels):
    with pytest.raises(InputError, match=r"no axis|no channels"):
        ChannelImage(np.zeros(shape), axis, channels)


def test_a_plain_array_is_gray():
    assert channels_of(LAST) == 1
    assert channels_of(ChannelImage(LAST)) == 3
    assert (channel_words(1), channel_words(3)) == ("gray values", "3 channels")


def test_each_channel_has_its_own_scale():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(50, 40, 2)) * (3, 500) + (7, -1000)
    scale = estimate_intensity(ChannelImage(image))
    assert scale.channels == 2
    for channel in range(2):
        alone = estimate_intensity(image[..., channel])
        assert (scale.offset[channel], scale.scale[channel]) == (
            alone.offset,
            alone.scale,
        )
        np.testing.assert_allclose(
            scale.apply(image)[..., channel],
            alone.apply(image[..., channel]),
            atol=1e-6,
        )
    assert scale.apply(image.astype(np.float32)).dtype == np.float32


def test_one_channel_is_gray():
    image = np.random.default_rng(0).normal(size=(20, 30))
    alone = ChannelImage(image[None], 0)
    assert estimate_intensity(alone) == estimate_intensity(image)


def test_scales_must_fit():
    with pytest.raises(InputError, match="a scale for each offset"):
        IntensityScale((1.0, 2.0), (1.0,))


def test_values_of_every_channel_are_checked():
    image = np.zeros((4, 5, 3), np.float32)
    check_finite(ChannelImage(image))
    image[1, 1, 2] = np.nan
    with pytest.raises(InputError, match="1 NaN"):
        check_finite(ChannelImage(image))
