"""The sparse annotation does what a dense one does."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.scribbles import Scribbles, as_scribbles, in_kind_of
from napari_sciml.annotation.split import hold_out, k_folds
from napari_sciml.annotation.strokes import find_strokes
from napari_sciml.errors import InputError


def sparse_and_dense(share=0.3):
    """Draw a shape, labels in it, and a generator for more."""

    def make(shape, seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(1, 5, shape) * (rng.random(shape) < share)
        return labels.astype(np.uint8), rng

    shapes = st.lists(st.integers(1, 9), min_size=1, max_size=4)
    return st.builds(make, shapes, st.integers(0, 999))


def some_change(labels, rng, revision=1):
    count = rng.integers(0, min(labels.size, 20) + 1)
    indices = np.sort(rng.choice(labels.size, count, replace=False))
    return LabelChange(revision, indices, rng.integers(0, 5, count).astype(np.uint8))


@given(sparse_and_dense() | sparse_and_dense(0.0))
def test_the_same_labels_as_in_the_dense_array(case):
    labels, _ = case
    scribbles = Scribbles.from_dense(labels)
    assert np.array_equal(scribbles.to_dense(), labels)
    assert np.array_equal(scribbles.voxels, np.argwhere(labels))
    assert np.array_equal(scribbles.indices, np.flatnonzero(labels))
    assert len(scribbles) == np.count_nonzero(labels)
    assert scribbles.ndim == labels.ndim
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    assert scribbles.counts == dict(zip(values, counts, strict=True))
    assert list(scribbles.counts) == sorted(scribbles.counts)
    assert scribbles.to_dense(np.int32).dtype == np.int32


@settings(deadline=None)
@given(sparse_and_dense(), st.integers(1, 5))
def test_changes_lead_to_what_they_lead_to_in_the_dense_array(case, number):
    labels, rng = case
    scribbles = Scribbles.from_dense(labels)
    for revision in range(number):
        before, was = scribbles, labels.copy()
        change = some_change(labels, rng, revision)
        change.apply_to(labels)
        scribbles = scribbles.changed(change)
        assert scribbles == Scribbles.from_dense(labels)
        assert before == Scribbles.from_dense(was)  # it never changes
    for array in (scribbles.indices, scribbles.values):
        assert not array.flags.writeable


@given(sparse_and_dense())
def test_values_at_any_places(case):
    labels, rng = case
    scribbles = Scribbles.from_dense(labels)
    indices = rng.integers(0, labels.size, 30)
    found = scribbles.values_at(indices)
    assert found.dtype == np.uint8
    assert np.array_equal(found, labels.ravel()[indices])
    nothing = Scribbles.empty(labels.shape)
    assert not nothing.values_at(indices).any()


@given(sparse_and_dense())
def test_values_in_a_box(case):
    labels, rng = case
    scribbles = Scribbles.from_dense(labels)
    region = []
    for n in labels.shape:
        start = int(rng.integers(0, n))
        region.append(slice(start, int(rng.integers(start + 1, n + 1))))
    box = tuple(region)
    assert np.array_equal(scribbles.values_in(box), labels[box])
    inside = np.zeros(labels.shape, bool)
    inside[box] = True
    expected = np.flatnonzero(inside[labels > 0])
    assert np.array_equal(scribbles.positions_in(box), expected)


@given(sparse_and_dense())
def test_a_subset_by_a_mask_or_by_positions(case):
    labels, _ = case
    scribbles = Scribbles.from_dense(labels)
    odd = scribbles.values % 2 == 1
    expected = Scribbles.from_dense(labels * (labels % 2))
    assert scribbles.subset(odd) == expected
    assert scribbles.subset(np.flatnonzero(odd)) == expected


def test_strokes_are_those_of_the_dense_array_and_found_once(annotations):
    @settings(deadline=None)
    @given(annotations)
    def check(labels):
        scribbles = Scribbles.from_dense(labels)
        strokes, expected = scribbles.strokes(), find_strokes(labels)
        assert scribbles.strokes() is strokes
        for found, stroke in zip(strokes, expected, strict=True):
            assert found.label == stroke.label
            assert np.array_equal(found.voxels, stroke.voxels)
        for number, stroke in enumerate(strokes):
            own = scribbles.voxels[scribbles.stroke_numbers == number]
            assert np.array_equal(own, stroke.voxels)

    check()


@pytest.mark.parametrize("by", ["strokes", "blocks"])
def test_splits_of_both_kinds_are_the_same(annotations, by):
    @settings(deadline=None, max_examples=40)
    @given(annotations, st.integers(0, 3), st.integers(0, 99))
    def check(labels, gap, seed):
        def splits(given):
            rngs = [np.random.default_rng(seed) for _ in range(2)]
            yield hold_out(given, fraction=0.3, gap=gap, rng=rngs[0], by=by)
            yield from k_folds(given, folds=3, gap=gap, rng=rngs[1], by=by)

        sparse = splits(Scribbles.from_dense(labels))
        for split, expected in zip(sparse, splits(labels), strict=True):
            for part, dense in zip(split, expected, strict=True):
                assert isinstance(part, Scribbles)
                assert part == Scribbles.from_dense(dense)

    check()


@pytest.mark.parametrize("dtype", ["u1", "i4", "i8", "f4", "f8", "?"])
def test_labels_of_any_dtype(dtype):
    labels = np.array([[0, 1, 0], [1, 1, 0]], dtype)
    scribbles = as_scribbles(labels)
    assert scribbles.values.tolist() == [1, 1, 1]
    assert as_scribbles(scribbles) is scribbles
    back = in_kind_of(labels, scribbles)
    assert back.dtype == labels.dtype
    assert np.array_equal(back, labels)
    assert in_kind_of(scribbles, scribbles) is scribbles


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 300], "go from 0 to 300 and hold 300 .*; use 0"),
        ([2, -1], "go from -1 to 2 and hold -1 .*; use 0"),
        ([0.0, np.nan], "The labels are not all numbers, they hold nan"),
        ([0.5, 1.0], "The labels are not whole numbers"),
    ],
)
def test_what_is_not_labels_is_refused(labels, message):
    with pytest.raises(InputError, match=message):
        Scribbles.from_dense(np.array(labels))


def test_a_transposed_array_is_read_in_its_own_order():
    labels = np.zeros((4, 6), np.uint8)
    labels[1, 2], labels[3, 0] = 1, 2
    scribbles = Scribbles.from_dense(labels.T)
    assert scribbles.shape == (6, 4)
    assert scribbles.voxels.tolist() == [[0, 3], [2, 1]]
    assert scribbles.values.tolist() == [2, 1]


def test_other_labels_are_not_equal_and_copies_are():
    labels = np.eye(4, dtype=np.uint8)
    scribbles = Scribbles.from_dense(labels)
    others = [2 * labels, labels[::-1], labels.reshape(2, 8), 0 * labels]
    assert all(scribbles != Scribbles.from_dense(other) for other in others)
    assert scribbles != labels.tolist()
    assert pickle.loads(pickle.dumps(scribbles)) == scribbles
    assert "counts={1: 4}" in repr(scribbles)


def test_what_the_caller_holds_stays_writable():
    indices, values = np.array([1, 5]), np.array([1, 2], np.uint8)
    Scribbles((3, 3), indices, values)
    indices[0], values[0] = 2, 2
