import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_sciml.annotation.interpolation import (
    fill_between,
    interpolate,
    match_shapes,
)
from napari_sciml.annotation.slices import annotated_slices, ends_around, neighbors
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError

SHAPE = (48, 48)
fractions = st.floats(0, 1)


def disk(center, radius, shape=SHAPE):
    grid = np.indices(shape)
    square = sum((g - c) ** 2 for g, c in zip(grid, center, strict=True))
    return square <= radius**2


def between(first, last, fraction):
    return interpolate(match_shapes(first, last), fraction, first.shape)


def blobs():
    """Shapes of some components, without a partner or with several."""
    return arrays(bool, st.tuples(*[st.integers(3, 14)] * 2), elements=st.booleans())


@settings(deadline=None)
@given(blobs(), st.data())
def test_ends_are_reproduced_where_shapes_have_partners(first, data):
    last = data.draw(arrays(bool, first.shape))
    pairs = match_shapes(first, last)
    for mask, other, fraction in ((first, last, 0.0), (last, first, 1.0)):
        got = interpolate(pairs, fraction, mask.shape)
        parts, _ = ndimage.label(mask, np.ones((3, 3)))
        partnered = np.isin(parts, np.unique(parts[mask & other])) & mask
        assert not (got & ~mask).any()
        assert not (partnered & ~got).any()


@settings(deadline=None)
@given(blobs(), fractions)
def test_between_equal_shapes_lies_the_same_shape(mask, fraction):
    assert np.array_equal(between(mask, mask, fraction), mask)


@settings(deadline=None)
@given(
    st.integers(1, 6),
    st.tuples(*[st.integers(10, 37)] * 2),
    st.tuples(*[st.integers(10, 37)] * 2),
    fractions,
)
def test_a_moved_disk_moves_along_a_line(radius, start, stop, fraction):
    """By less or by more than its width: it neither shrinks nor vanishes."""
    mask = between(disk(start, radius), disk(stop, radius), fraction)
    center = np.add(start, np.rint(fraction * np.subtract(stop, start)))
    assert np.array_equal(mask, disk(center, radius))


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), fractions, fractions)
def test_the_area_between_concentric_disks_is_monotone(small, large, a, b):
    small, large = sorted((small, large))
    a, b = sorted((a, b))
    first, last = disk((24, 24), small), disk((24, 24), large)
    areas = [between(first, last, f).sum() for f in (0.0, a, b, 1.0)]
    assert areas == sorted(areas)


def test_a_disk_that_grows_has_the_radius_between():
    mask = between(disk((24, 24), 4), disk((24, 24), 14), 0.5)
    assert mask.sum() == pytest.approx(np.pi * 9**2, rel=0.1)


def test_two_fibers_that_move_apart_are_kept_apart():
    first = disk((24, 15), 3) | disk((24, 30), 3)
    last = disk((24, 11), 3) | disk((24, 36), 3)
    mask = between(first, last, 0.5)
    assert np.array_equal(mask, disk((24, 13), 3) | disk((24, 33), 3))


def test_a_shape_may_split():
    first = disk((24, 24), 9)
    last = disk((24, 18), 4) | disk((24, 31), 4)
    middle = between(first, last, 0.5)
    assert middle[24, 18]
    assert middle[24, 31]
    assert min(first.sum(), last.sum()) * 0.6 < middle.sum() < first.sum()


def test_a_fiber_that_ends_is_left_out_and_disturbs_no_other():
    kept, ends = disk((10, 10), 3), disk((40, 40), 3)
    assert np.array_equal(between(kept | ends, kept, 0.5), kept)


def test_moved_out_of_the_image():
    mask = between(disk((2, 24), 5), disk((45, 24), 5), 0.5)
    assert mask.any()
    assert match_shapes(np.zeros((4, 4), bool), np.ones((4, 4), bool)) == []


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_fills_along_each_axis_but_never_over_labels(axis):
    labels = np.zeros((9, 48, 48), np.uint8)
    labels[1][disk((20, 20), 5)] = 2
    labels[5][disk((24, 20), 5)] = 2
    labels[3, 22, :] = 1
    expected = labels.copy()
    for z in (2, 3, 4):
        moved = disk((19 + z, 20), 5) & (labels[z] == 0)
        expected[z][moved] = 2
    labels, expected = (np.moveaxis(x, 0, axis) for x in (labels, expected))
    found = fill_between(labels, 2, axis=axis, slices=(1, 5))
    assert np.all(np.diff(found) > 0)
    filled = labels.copy()
    filled[np.unravel_index(found, labels.shape)] = 2
    assert np.array_equal(filled, expected)


def test_stays_in_its_time_point():
    labels = np.zeros((2, 5, 20, 20), np.uint8)
    for z in (0, 4):
        labels[1, z][disk((10, 10), 4, (20, 20))] = 1
    found = fill_between(labels, 1, axis=1, slices=(0, 4), at={0: 1})
    time = np.unravel_index(found, labels.shape)[0]
    assert len(found) == 3 * (labels[1, 0] == 1).sum()
    assert np.all(time == 1)


@pytest.mark.parametrize(
    ("slices", "label", "sentence"),
    [
        ((0, 1), 1, "not painted in slice 1"),
        ((0, 4), 3, "not painted in slice 0"),
        ((4, 5), 1, "no slice between"),
        ((5, 8), 2, "too far from each other"),
    ],
)
def test_says_why_nothing_can_be_filled(slices, label, sentence):
    labels = np.zeros((9, 48, 48), np.uint8)
    for z in (0, 4, 5):
        labels[z][disk((20, 20), 4)] = 1
    labels[5, 2, 2] = labels[5, 2, 5] = labels[8, 40, 40] = 2
    with pytest.raises(InputError, match=sentence):
        fill_between(labels, label, axis=0, slices=slices)


def test_annotated_slices():
    labels = np.zeros((4, 6, 5), np.uint8)
    labels[1, 2, 3], labels[3, 2, 0], labels[3, 5, 1] = 1, 2, 1
    store = LabelStore(labels.shape)
    store.read_all(labels)
    assert annotated_slices(store, 0).tolist() == [1, 3]
    assert annotated_slices(store, 1).tolist() == [2, 5]
    assert annotated_slices(store, 2).tolist() == [0, 1, 3]
    assert annotated_slices(store, 0, label=2).tolist() == [3]
    assert annotated_slices(store, 1, at={0: 3}).tolist() == [2, 5]
    assert annotated_slices(store, 1, at={0: 3, 2: 1}).tolist() == [5]
    assert annotated_slices(store, 0, label=7).tolist() == []


@pytest.mark.parametrize(
    ("position", "beside", "around"),
    [
        (0, (None, 2), None),
        (2, (None, 6), (2, 6)),
        (4, (2, 6), (2, 6)),
        (6, (2, 7), (2, 6)),
        (7, (6, None), None),
        (9, (7, None), None),
    ],
)
def test_neighbors_of_a_slice(position, beside, around):
    slices = np.array([2, 6, 7])
    assert neighbors(slices, position) == beside
    assert ends_around(slices, position) == around
