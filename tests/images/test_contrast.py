"""Where an image has nothing to learn from, that is said; otherwise nothing is."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.contrast import (
    check_contrast,
    contrast_cautions,
    one_value,
)

LABELS = np.zeros((64, 60), np.uint8)
LABELS[10:12, 5:40], LABELS[20:22, 5:40] = 1, 2
INDICES = np.flatnonzero(LABELS)
CLASSES = LABELS.reshape(-1)[INDICES]
NAMES = ("background", "fiber")
RNG = np.random.default_rng(0)


def flat(value, dtype, *more):
    return np.full((*LABELS.shape, *more), value, dtype)


def changed(image, where, value):
    image[where] = value
    return image


def noisy():
    return RNG.normal(100, 10, LABELS.shape)


FLAT = {
    "dark": flat(0, np.uint8),
    "saturated": flat(65535, np.uint16),
    "float": flat(0.1, np.float32),
    "rounding": (0.1 + 1e-9 * RNG.random(LABELS.shape)).astype(np.float32),
    "bool": flat(True, bool),
    "color": ChannelImage(flat(9, np.uint8, 3)),
}


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "image of one gray value, saturated at all labels, all NaN",
    "refused",
)
@pytest.mark.parametrize("image", FLAT.values(), ids=FLAT)
def test_one_gray_value_is_nothing_to_learn(image):
    with pytest.raises(InputError, match="Every voxel of the image has the same gray"):
        check_contrast(image, INDICES, CLASSES)
    assert one_value(image) is not None


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "image of one gray value, saturated at all labels, all NaN",
    "refused",
)
@pytest.mark.parametrize(
    "image",
    [changed(flat(7, np.uint8), (60, 50), 200), changed(noisy(), slice(0, 45), 255)],
    ids=["hot pixel", "saturated round the labels"],
)
def test_nothing_round_the_labels(image):
    with pytest.raises(InputError, match="Nearly everywhere round the labels"):
        check_contrast(image, INDICES, CLASSES)
    assert one_value(image) is None


LEARNABLE = {
    "noise": noisy(),
    "synthetic": (LABELS == 2).astype(np.uint8),
    "shapes of a mask": (LABELS > 0).astype(np.uint8),
    "one channel": ChannelImage(np.dstack([FLAT["dark"], FLAT["dark"], LABELS])),
}


@pytest.mark.parametrize("image", LEARNABLE.values(), ids=LEARNABLE)
def test_contrast_is_found(image):
    check_contrast(image, INDICES, CLASSES)


def test_contrast_is_found_by_a_few_voxels():
    class Counting:
        shape, ndim, dtype = LABELS.shape, 2, np.dtype("u1")
        read = 0

        def __getitem__(self, key):
            part = (LABELS == 2)[key].astype(np.uint8)
            self.read += part.size
            return part

    image = Counting()
    check_contrast(image, INDICES, CLASSES)
    assert image.read <= 3


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "classes with one gray value; held-out strokes told apart by chance only",
    "trained, told",
)
@pytest.mark.parametrize(
    ("image", "told"),
    [
        ((LABELS > 0).astype(np.uint8), "background and fiber have the same gray"),
        ((LABELS == 2).astype(np.uint8), None),
        (changed((LABELS > 0) * 1.0, (11, 30), 0.5), None),
        (noisy(), None),
    ],
)
def test_classes_of_the_same_gray_value_are_told(image, told):
    said = contrast_cautions(image, INDICES, CLASSES, NAMES)
    assert bool(said) == bool(told)
    assert told is None or told in said[0]


def test_volumes_are_looked_at_in_space():
    labels = np.zeros((5, 20, 20), np.uint8)
    labels[2, 4, 2:18], labels[3, 9, 2:18] = 1, 2
    indices = np.flatnonzero(labels)
    classes = labels.reshape(-1)[indices]
    with pytest.raises(InputError, match="same gray value, 3"):
        check_contrast(np.full(labels.shape, 3, np.int16), indices, classes)
    same = (labels > 0).astype(np.int16)
    check_contrast(same, indices, classes)
    assert contrast_cautions(same, indices, classes, NAMES)
    same[2, 4, 9] = 2
    assert not contrast_cautions(same, indices, classes, NAMES)
