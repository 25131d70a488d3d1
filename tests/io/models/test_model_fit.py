"""A model says where it is used on another kind of image."""

import re

import numpy as np
import pytest

from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.images.volume import Volume
from napari_sciml.io.models.fit import fit_cautions, size_cautions


def volume(size, unit="micrometer", data=None):
    data = np.zeros((4,) * len(size), np.uint8) if data is None else data
    return Volume(data, ("z", "y", "x")[-len(size) :], size, unit)


def known(size, unit="micrometer", **more):
    return {"voxel_size": list(size), "unit": unit, **more}


@pytest.mark.parametrize(
    ("record", "image"),
    [
        (known((1, 1)), volume((1, 1))),
        (known((1, 1)), volume((1.08, 0.95))),
        (known((1, 1)), volume((1000, 1000), "nm")),
        (known((3, 1, 1), "µm"), volume((0.003, 0.001, 0.001), "millimeter")),
        (known((1, 1), "pixel"), volume((1, 1), "pixel")),
        ({"unit": "pixel"}, volume((2, 2))),
        ({}, volume((2, 2))),
    ],
)
def test_the_same_size_is_not_a_word(record, image):
    assert size_cautions(record, image) == ()


@pytest.mark.situation(
    "Units and voxel sizes",
    "model on voxels of another size or shape, gray values or type than it was "
    "trained on",
    "told, in the Train dock as well",
)
@pytest.mark.parametrize(
    ("record", "image", "told"),
    [
        (
            known((1, 1)),
            volume((0.25, 0.25)),
            r"voxels of 1 micrometer, .*of 0.25 micrometer: .* 4 times as many",
        ),
        (known((250, 250), "nm"), volume((1, 1)), "250 nanometer.*0.25 of the voxels"),
        (known((1, 1)), volume((1, 1), "millimeter"), "1 millimeter"),
        (known((3, 1, 1)), volume((1, 1, 1)), "3 x 1 x 1 .*another size or shape"),
        (known((1, 1), "pixel"), volume((4, 4), "pixel"), "1 pixel.*4 pixel"),
        (
            known((1, 1)),
            volume((1, 1), "pixel"),
            "1 pixel, which cannot be compared",
        ),
        (known((1, 1), "pixel"), volume((0.5, 0.5)), "0.5 micrometer, which cannot be"),
    ],
)
def test_another_size_is_told(record, image, told):
    (said,) = size_cautions(record, image)
    assert re.search(told, said)


@pytest.mark.situation(
    "Units and voxel sizes",
    "model on voxels of another size or shape, gray values or type than it was "
    "trained on",
    "told, in the Train dock as well",
)
def test_gray_values_far_away_are_told_with_their_types():
    data = np.random.default_rng(0).normal(100, 10, (64, 64)).astype(np.uint8)
    knows = estimate_intensity(data)
    record = known((1, 1), dtype="uint8")
    assert fit_cautions(record, knows, volume((1, 1), data=data)) == ()
    wide = data.astype(np.uint16)
    assert fit_cautions(record, knows, volume((1, 1), data=wide)) == ()
    (said,) = fit_cautions(record, knows, volume((1, 1), data=wide * 257))
    assert "uint16, median" in said
    assert "there uint8, " in said
    (said,) = fit_cautions(record, IntensityScale(5, 0.05), volume((1, 1), data=data))
    assert "uint8" not in said
    size, gray = fit_cautions(record, knows, volume((2, 2), data=wide * 257))
    assert "voxels of" in size
    assert "gray values differ" in gray


@pytest.mark.parametrize(
    ("share", "told"),
    [(None, None), (0.0, None), (0.049, None), (0.05, "5%"), (0.344, "34%")],
)
def test_voxels_unlike_all_that_was_trained_on_are_told(share, told):
    data = np.random.default_rng(0).normal(100, 10, (64, 64)).astype(np.uint8)
    image, knows = volume((1, 1), data=data), estimate_intensity(data)
    said = fit_cautions(known((1, 1), dtype="uint8"), knows, image, share)
    start = f"Unlike training: {told} of the voxels look like nothing"
    assert [sentence.startswith(start) for sentence in said] == [True] * bool(told)
