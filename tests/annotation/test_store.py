import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation import store as module
from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.store import LabelStore
from napari_sciml.annotation.strokes import find_strokes
from napari_sciml.errors import InputError

SHAPES = st.one_of(
    st.tuples(*[st.integers(1, 40)] * 2),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(1, 6)] * 4),
)


@st.composite
def box_in(draw, shape):
    start = [draw(st.integers(0, n - 1)) for n in shape]
    stop = [draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)]
    return tuple(slice(a, b) for a, b in zip(start, stop, strict=True))


def paint(draw, labels, box):
    """Fill, erase, speckle, or leave as it is."""
    how = draw(st.sampled_from(["fill", "erase", "speckle", "nothing"]))
    if how == "fill":
        labels[box] = draw(st.integers(1, 9))
    elif how == "erase":
        labels[box] = 0
    elif how == "speckle":
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        labels[box] = rng.integers(0, 4, labels[box].shape)


def check_invariants(store, labels):
    assert np.array_equal(store.dense(), labels)
    assert store.indices.dtype == np.int64
    assert store.values.dtype == np.uint8
    assert np.all(np.diff(store.indices) > 0)
    assert np.all(store.values > 0)
    assert not store.indices.flags.writeable
    assert not store.values.flags.writeable


@settings(deadline=None)
@given(st.data())
def test_keeps_up_with_boxes_undo_and_full_looks(data):
    shape = data.draw(SHAPES)
    labels = np.zeros(shape, np.uint8)
    store, replay, history = LabelStore(shape), np.zeros(shape, np.uint8), []
    changes: list[LabelChange] = []
    for _ in range(data.draw(st.integers(1, 8))):
        before = labels.copy()
        box = data.draw(box_in(shape))
        if history and data.draw(st.booleans()):
            labels[...] = history.pop()
            change = store.read_all(labels)
        else:
            history.append(before)
            paint(data.draw, labels, box)
            change = store.read_box([side.start for side in box], labels[box])
        assert (change is None) == np.array_equal(before, labels)
        if change is not None:
            assert change.revision == store.revision == len(changes) + 1
            assert np.array_equal(change.indices, np.flatnonzero(before != labels))
            change.apply_to(replay)
            changes.append(change)
        check_invariants(store, labels)
    assert np.array_equal(replay, labels)
    if changes:
        at_once = np.zeros(shape, np.uint8)
        merged(changes).apply_to(at_once)
        assert np.array_equal(at_once, labels)


@settings(deadline=None)
@given(st.data())
def test_strokes_during_a_scan_are_neither_lost_nor_undone(data):
    shape = data.draw(SHAPES)
    labels, store = np.zeros(shape, np.uint8), LabelStore(shape)
    paint(data.draw, labels, data.draw(box_in(shape)))
    replay = np.zeros(shape, np.uint8)
    piece, module.PIECE = module.PIECE, 16
    try:
        scan = store.scan(labels)
        while True:
            try:
                next(scan)
            except StopIteration as end:
                last = end.value
                break
            if data.draw(st.integers(0, 3)) == 0:
                box = data.draw(box_in(shape))
                paint(data.draw, labels, box)
                change = store.read_box([side.start for side in box], labels[box])
                if change is not None:
                    change.apply_to(replay)
    finally:
        module.PIECE = piece
    if last is not None:
        last.apply_to(replay)
    check_invariants(store, labels)
    assert np.array_equal(replay, labels)


def test_a_dropped_scan_leaves_no_trace():
    labels, store = np.ones((4, 5), np.uint8), LabelStore((4, 5))
    scan = store.scan(labels)
    next(scan)
    scan.close()
    assert (len(store), store.revision) == (0, 0)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", "i4", "u2"])
def test_any_memory_layout_and_integer(order, dtype):
    rng = np.random.default_rng(0)
    labels = np.asarray(rng.integers(0, 3, (7, 9, 300)), dtype, order=order)
    store = LabelStore(labels.shape)
    store.read_all(labels)
    assert np.array_equal(store.dense(), labels)
    assert store.read_all(labels) is None
    labels[2, 3:5, 7:9] = 2
    store.read_box((2, 3, 7), labels[2:3, 3:5, 7:9])
    assert np.array_equal(store.dense(), labels)


def test_values_that_are_no_label_stay_visible():
    store = LabelStore((4,))
    store.read_all(np.array([0, 300, -1, 3], np.int32))
    assert store.values.tolist() == [255, 255, 3]


def test_a_snapshot_stays_as_it_is():
    store = LabelStore((4, 4))
    store.read_box((1, 1), np.full((2, 2), 2, np.uint8))
    snapshot = store.snapshot()
    store.read_box((1, 1), np.zeros((2, 2), np.uint8))
    assert (snapshot.revision, len(snapshot), len(store)) == (1, 4, 0)
    labels = np.zeros((4, 4), np.uint8)
    snapshot.apply_to(labels)
    assert labels.sum() == 8


def test_counts_and_balance():
    labels = np.zeros((6, 8), np.uint8)
    labels[0, :5], labels[3, :3], labels[5, 5] = 1, 2, 3
    store = LabelStore(labels.shape)
    assert (store.voxel_counts(), store.balance(), store.strokes) == ({}, (0, 0), [])
    store.read_all(labels)
    assert store.voxel_counts() == {1: 5, 2: 3, 3: 1}
    assert store.balance() == (5, 4)
    assert np.array_equal(store.labels_at(np.array([0, 7, 24, 45])), [1, 0, 2, 3])


@settings(deadline=None)
@given(st.data())
def test_strokes_are_those_of_the_dense_annotation(data):
    shape = data.draw(st.sampled_from([(20, 30), (6, 8, 10), (2, 3, 300)]))
    labels = np.zeros(shape, np.uint8)
    for _ in range(3):
        paint(data.draw, labels, data.draw(box_in(shape)))
    store = LabelStore(shape)
    store.read_all(labels)
    strokes = find_strokes(labels)
    assert store.stroke_counts() == Counter(stroke.label for stroke in strokes)
    pairs = zip(store.strokes, strokes, strict=True)
    for mine, theirs in pairs:
        assert mine.label == theirs.label
        assert np.array_equal(mine.voxels, theirs.voxels)


@pytest.mark.parametrize(
    ("start", "size"), [((-1, 0), (2, 2)), ((3, 3), (2, 2)), ((0,), (2,))]
)
def test_boxes_outside_are_refused(start, size):
    with pytest.raises(InputError, match="does not fit"):
        LabelStore((4, 4)).read_box(start, np.zeros(size, np.uint8))


def test_another_shape_is_refused():
    with pytest.raises(InputError, match="shape"):
        LabelStore((4, 4)).read_all(np.zeros((4, 5), np.uint8))


def test_a_stroke_in_a_large_volume_costs_what_the_stroke_costs():
    labels = np.zeros((512, 512, 512), np.uint8)
    store = LabelStore(labels.shape)
    for z in range(0, 512, 8):
        labels[z, 20:30, 20:200] = 1 + z % 3
        store.read_box((z, 20, 20), labels[z : z + 1, 20:30, 20:200])
    started = time.perf_counter()
    for x in range(100):
        labels[256, 300:310, x : x + 10] = 2
        store.read_box((256, 300, x), labels[256:257, 300:310, x : x + 10])
    assert (time.perf_counter() - started) / 100 < 0.05
    started = time.perf_counter()
    assert len(store.strokes) == 64 + 1
    assert time.perf_counter() - started < 2
