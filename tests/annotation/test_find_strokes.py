import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_sciml.annotation import strokes as module
from napari_sciml.annotation.strokes import find_strokes, labeled_voxels


def sparse_labels(values=3):
    """Annotations in which most voxels are not annotated."""
    shapes = st.one_of(
        st.tuples(*[st.integers(1, 12)] * 2), st.tuples(*[st.integers(1, 6)] * 3)
    )
    value = st.sampled_from([0] * (2 * values) + list(range(1, values + 1)))
    return shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=value))


@pytest.mark.parametrize("sparse", [0, 1e9], ids=["few", "many"])
def test_agrees_with_scipy(monkeypatch, sparse):
    """Both ways to connect voxels, whichever would be chosen."""
    monkeypatch.setattr(module, "SPARSE", sparse)

    @settings(deadline=None)
    @given(sparse_labels(), st.booleans())
    def check(labels, transposed):
        compare_with_scipy(labels.T if transposed else labels)

    check()


def compare_with_scipy(labels):
    strokes = find_strokes(labels)
    again = np.zeros_like(labels)
    for stroke in strokes:
        again[tuple(stroke.voxels.T)] = stroke.label
    assert np.array_equal(again, labels)
    assert sum(map(len, strokes)) == np.count_nonzero(labels)
    for value in np.unique(labels[labels > 0]):
        parts, count = ndimage.label(labels == value, np.ones((3,) * labels.ndim))
        mine = [stroke for stroke in strokes if stroke.label == value]
        assert len(mine) == count
        assert all(len(np.unique(parts[tuple(s.voxels.T)])) == 1 for s in mine)


@settings(deadline=None)
@given(sparse_labels(), st.booleans())
def test_order(labels, transposed):
    labels = labels.T if transposed else labels
    strokes = [stroke.voxels.tolist() for stroke in find_strokes(labels)]
    assert all(voxels == sorted(voxels) for voxels in strokes)
    assert strokes == sorted(strokes)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[0, 0]], []),
        ([[1, 0], [0, 1]], [(1, 2)]),
        ([[1, 2], [2, 1]], [(1, 2), (2, 2)]),
        ([[1, 0, 1]], [(1, 1), (1, 1)]),
        ([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], [(1, 2)]),
    ],
)
def test_corners_connect(labels, expected):
    strokes = find_strokes(np.array(labels, np.uint8))
    assert [(stroke.label, len(stroke)) for stroke in strokes] == expected


def test_memory_mapped_labels_are_read_only():
    labels = np.ones((3, 4), np.uint8)
    labels.flags.writeable = False
    assert len(find_strokes(labels)) == 1


@settings(deadline=None)
@given(sparse_labels(), st.booleans())
def test_labeled_voxels_are_those_of_numpy(labels, transposed):
    labels = labels.T if transposed else labels
    assert np.array_equal(labeled_voxels(labels), np.argwhere(labels))


def test_few_labels_in_a_large_volume_are_found_fast():
    """Far less than a look at all voxels one by one would take."""
    labels = np.zeros((300, 300, 300), np.uint8)
    labels[::60, 10, :40], labels[7, ::5, 200] = 1, 2
    started = time.perf_counter()
    assert len(find_strokes(labels)) == 5 + 60
    assert time.perf_counter() - started < 5
