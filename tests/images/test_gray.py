"""One value a voxel of images with several."""

import numpy as np
import pytest

from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.gray import as_gray


@pytest.fixture
def color():
    return np.random.default_rng(0).integers(0, 255, (5, 8, 9, 3)).astype(np.uint8)


@pytest.mark.parametrize("key", [(2,), (slice(1, 3), 4), np.s_[..., 3], np.s_[:]])
def test_a_channel_or_their_mean(color, key):
    image = ChannelImage(color)
    np.testing.assert_array_equal(as_gray(image, 1)[key], color[..., 1][key])
    mean = color.mean(axis=-1, dtype=np.float32)
    np.testing.assert_allclose(as_gray(image)[key], mean[key])
    assert as_gray(image, 1).dtype == np.uint8
    assert as_gray(image).shape == (5, 8, 9)


def test_gray_images_stay_as_they_are(color):
    gray = color[..., 0]
    assert as_gray(gray) is gray


def test_a_single_channel_loses_its_axis(color):
    image = ChannelImage(color[..., :1])
    np.testing.assert_array_equal(as_gray(image)[1], color[1, ..., 0])
