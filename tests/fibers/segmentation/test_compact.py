"""Bodies that are hardly longer than wide are no fibers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.blockwise.compact import drop_compact
from napari_sciml.fibers.geometry.voxels import make_grid
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.progress import exhaust
from napari_sciml.samples.phantom import PhantomConfig, make_phantom


def dropped(labels, slenderness, voxel_size=None, edge=100):
    out = labels.copy()
    steps = drop_compact(
        BlockVolume(out, edge),
        int(labels.max(initial=0)),
        slenderness,
        make_grid(labels.shape, voxel_size),
    )
    return out, exhaust(steps)


def body(shape, size, start=3):
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(start, start + n) for n in size)] = 1
    return labels


SHAPES = [
    # A bar of a x a x L voxels is L / (a sqrt(4 / pi)) times as long as wide.
    ((4, 4, 14), (1, 1, 1), 14 / (4 * np.sqrt(4 / np.pi))),
    ((4, 14, 4), (1, 1, 1), 14 / (4 * np.sqrt(4 / np.pi))),
    ((4, 4, 7), (1, 1, 2), 14 / (4 * np.sqrt(4 / np.pi))),
    ((2, 4, 14), (2, 1, 1), 14 / (4 * np.sqrt(4 / np.pi))),
    ((5, 5, 5), (1, 1, 1), np.sqrt(np.pi / 4)),
    ((1, 1, 1), (1, 1, 1), np.sqrt(np.pi / 4)),
]


@pytest.mark.parametrize(("size", "voxel", "expected"), SHAPES)
def test_slenderness_of_a_bar(size, voxel, expected):
    labels = body((20,) * len(size), size)
    kept, sizes = dropped(labels, 0.999 * expected, voxel)
    np.testing.assert_array_equal(kept, labels)
    np.testing.assert_array_equal(sizes, [0, np.prod(size)])
    kept, sizes = dropped(labels, 1.001 * expected, voxel)
    assert not kept.any()
    np.testing.assert_array_equal(sizes, [0])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("start", [0, 15])
def test_what_the_border_cuts_stays(axis, start):
    labels = np.roll(body((20, 20, 20), (5, 5, 5), 3), start - 3, axis)
    kept, _ = dropped(labels, 9)
    assert kept.any()


def test_in_an_image_round_bodies_stay():
    mask = body((20, 20), (5, 5))
    np.testing.assert_array_equal(label_fibers(mask, slenderness=9), mask)


LABELS = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=9),
    elements=st.sampled_from([0, 0, 0, 1, 2, 3, 9]),
)


@given(LABELS, st.sampled_from([0.5, 1.0, 1.5]), st.integers(1, 10))
def test_any_labels(labels, slenderness, edge):
    kept, sizes = dropped(labels, slenderness, edge=edge)
    whole, _ = dropped(labels, slenderness)
    np.testing.assert_array_equal(kept, whole)
    np.testing.assert_array_equal(sizes[1:], np.bincount(kept[kept > 0])[1:])
    old = [int(labels[kept == new][0]) for new in range(1, len(sizes))]
    assert old == sorted(old)
    for new, name in enumerate(old, 1):
        np.testing.assert_array_equal(kept == new, labels == name)


def test_no_fiber_of_a_phantom_is_dropped_but_grains_are():
    phantom = make_phantom(PhantomConfig.clustered(shape=(96, 96, 96), seed=5))
    mask = phantom.labels > 0
    fibers = label_fibers(mask, split=True)
    np.testing.assert_array_equal(
        label_fibers(mask, split=True, slenderness=2.5), fibers
    )
    z, y, x = np.mgrid[:96, :96, :96]
    grain = ((z - 48) ** 2 + (y - 50) ** 2 + (x - 40) ** 2 <= 36) & ~mask
    both = label_fibers(mask | grain, split=True, slenderness=2.5)
    assert abs(int(both.max()) - int(fibers.max())) <= 1
    assert (both[grain] == 0).mean() > 0.9


def test_numbers_are_in_the_smallest_type():
    mask = np.zeros((1000, 7, 20), bool)
    mask[2:998:3, 2:4, 5:7] = True
    mask[2:4, 2:4, 2:18] = True
    assert label_fibers(mask).dtype == np.uint16
    assert label_fibers(mask, slenderness=2.5).dtype == np.uint8
