"""Fibers reach to where they most likely end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.blockwise.extending import extend_blocks
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.progress import exhaust

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=9)


def extended(labels, probability, edge=100, spacing=(1.0, 1.0, 1.0)):
    out = np.zeros_like(labels)
    steps = extend_blocks(
        BlockVolume(labels, edge),
        BlockVolume(probability, edge),
        BlockVolume(out, edge),
        int(labels.max(initial=0)),
        np.array(spacing),
    )
    return out, exhaust(steps)


@given(st.data(), SHAPES, st.integers(1, 10))
def test_what_an_extended_fiber_is(data, shape, edge):
    labels = data.draw(
        hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 2, 7]))
    )
    likely = data.draw(hnp.arrays(bool, shape))
    out, sizes = extended(labels, np.where(likely, 0.6, 0.4), edge)
    np.testing.assert_array_equal(
        sizes[1:], np.bincount(out.ravel(), minlength=8)[1:][: len(sizes) - 1]
    )
    assert sizes[0] == 0
    np.testing.assert_array_equal(out[labels > 0], labels[labels > 0])
    near = ndimage.binary_dilation(labels > 0, np.ones((3, 3, 3)))
    np.testing.assert_array_equal(out > 0, (labels > 0) | (near & likely))
    whole, _ = extended(labels, np.where(likely, 0.6, 0.4))
    np.testing.assert_array_equal(out, whole)


@given(st.data(), SHAPES)
def test_the_nearest_fiber_gets_a_voxel(data, shape):
    labels = data.draw(
        hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 1, 2]))
    )
    spacing = (1.0, 1.1, 1.2)  # a corner is nearer than two voxels along an axis
    out, _ = extended(labels, np.ones(shape), spacing=spacing)
    far = [
        ndimage.distance_transform_edt(labels != n, spacing)
        if (labels == n).any()
        else np.full(shape, np.inf)
        for n in (1, 2)
    ]
    new = (labels == 0) & (out > 0)
    np.testing.assert_array_equal(out[new], np.where(far[0] <= far[1], 1, 2)[new])


def cylinder(radius):
    y, x = np.mgrid[:21, :21] - 10
    volume = np.zeros((60, 21, 21), np.float32)
    volume[5:55] = y**2 + x**2 <= radius**2
    return volume


@pytest.mark.parametrize("split", [True, False])
def test_diameter_and_length_of_what_is_likely(split):
    """The rim of a blurred fiber is unsure: its mask is too thin."""
    truth = cylinder(3)
    mean = ndimage.gaussian_filter(truth, 1)
    sure = mean > 0.75
    settings = {"split": split, "probability": mean}
    thin, whole = (
        measure_fibers(label_fibers(sure, extend=extend, **settings)).iloc[0]
        for extend in (False, True)
    )
    best = measure_fibers(truth.astype(np.uint8)).iloc[0]
    assert thin["diameter"] < 0.9 * best["diameter"]
    assert whole["diameter"] == pytest.approx(best["diameter"], rel=0.1)
    assert whole["length"] == pytest.approx(best["length"], abs=1)


def test_without_a_probability_nothing_is_added():
    mask = cylinder(3) > 0
    np.testing.assert_array_equal(label_fibers(mask, extend=True), mask)


def test_an_image():
    mean = np.zeros((20, 40))
    mean[8:13, 5:35] = 0.6
    mean[9:12, 6:34] = 0.9
    labels = label_fibers(mean > 0.8, probability=mean, extend=True)
    np.testing.assert_array_equal(labels > 0, mean > 0.5)


def test_another_shape_is_refused():
    with pytest.raises(InputError, match="same image"):
        label_fibers(np.ones((4, 5, 6)), probability=np.ones((4, 5)), extend=True)
