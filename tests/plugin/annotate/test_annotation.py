"""The annotation: the layer, its sparse store, and what reaches the listeners."""

import time

import numpy as np
import pytest
from napari.layers import Labels

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.errors import InputError

pytestmark = pytest.mark.gui

SHAPE = (6, 20, 24)


class Listener:
    """What a journal or a training makes of the signals."""

    def __init__(self, annotation) -> None:
        self.annotation = annotation
        self.changes = []
        self.restart()
        annotation.changed.connect(self.on_changed)
        annotation.layer_changed.connect(self.restart)

    def restart(self) -> None:
        store = self.annotation.store
        self.revision, self.labels = store.revision, store.dense()

    def on_changed(self, change) -> None:
        assert change.revision == self.revision + 1
        self.revision = change.revision
        self.changes.append(change)
        change.apply_to(self.labels)


@pytest.fixture
def annotation(qtbot):
    from napari_sciml.plugin.state.labels.annotation import Annotation

    annotation = Annotation()
    yield annotation
    annotation.follow(None)


@pytest.fixture
def layer(annotation):
    layer = Labels(np.zeros(SHAPE, np.uint8))
    annotation.follow(layer)
    return layer


@pytest.fixture
def listener(annotation, layer):
    return Listener(annotation)


def polygon(layer):
    layer.paint_polygon([[2, 3, 3], [2, 3, 12], [2, 12, 12]], 2)


def many_atoms(layer):
    with layer.block_history():
        layer.paint((1, 5, 5), 1)
        layer.paint((1, 5, 8), 2)
        layer.paint((1, 5, 5), 0)
        layer.data_setitem((np.array([-1]), np.array([0]), np.array([-2])), 3)


STROKES = {
    "paint": lambda layer: layer.paint((1, 5, 5), 2),
    "one voxel": lambda layer: (
        setattr(layer, "brush_size", 1) or layer.paint((0, 0, 0), 1)
    ),
    "at the edge": lambda layer: layer.paint((5, 19, 23), 1),
    "fill": lambda layer: layer.fill((3, 0, 0), 1),
    "polygon": polygon,
    "setitem": lambda layer: layer.data_setitem(
        (np.array([0, 5, 5]), np.array([1, 2, 3]), np.array([4, 5, 6])),
        np.array([1, 2, 1], np.uint8),
    ),
    "grouped": many_atoms,
}


@pytest.mark.parametrize(
    ("name", "dimensions"),
    # napari paints polygons in a slice only.
    [(n, d) for n in STROKES for d in (2, 3) if (n, d) != ("polygon", 3)],
)
def test_a_stroke_is_told_at_once(layer, listener, annotation, name, dimensions):
    stroke = STROKES[name]
    layer.n_edit_dimensions = dimensions
    stroke(layer)
    assert len(listener.changes) == 1
    assert np.array_equal(listener.labels, layer.data)
    assert layer.data.any()
    annotation.look_again()
    assert (len(listener.changes), annotation.revision) == (1, 1)


def test_painting_what_is_painted_already_is_no_revision(layer, annotation):
    layer.paint((1, 5, 5), 2)
    layer.paint((1, 5, 5), 2)
    assert annotation.revision == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_keeps_up_with_any_mixture(annotation, order, patience):
    """Strokes, undo, redo, plugins, another array of the same shape."""
    rng = np.random.default_rng(0)
    layer = Labels(np.zeros(SHAPE, np.uint8, order=order))
    annotation.follow(layer)
    listener = Listener(annotation)
    for step in range(60):
        place = tuple(rng.integers(0, SHAPE))
        action = rng.integers(0, 7)
        if action <= 2:
            layer.brush_size = int(rng.integers(1, 9))
            layer.paint(place, int(rng.integers(0, 4)))
        elif action == 3:
            layer.undo()
        elif action == 4:
            layer.redo()
        elif action == 5:
            layer.data[place] = 1
            layer.refresh()
        elif step % 3 == 0:
            layer.data = rng.integers(0, 2, SHAPE).astype(np.uint8)
        if step % 10 == 0:
            patience(lambda: not annotation.settling)
            assert np.array_equal(listener.labels, layer.data)
    patience(lambda: not annotation.settling)
    assert np.array_equal(listener.labels, layer.data)
    assert np.array_equal(annotation.store.dense(), layer.data)


def test_nothing_painted_is_missing_in_a_snapshot(layer, annotation):
    layer.paint((1, 5, 5), 2)
    layer.undo()
    layer.data[0, 0, 0] = 1
    assert np.array_equal(annotation.snapshot(), layer.data)
    layer.refresh()
    assert annotation.settling
    layer.data[0, 0, 1] = 1  # while it is being looked at
    annotation._start_look()
    layer.refresh()
    assert np.array_equal(annotation.snapshot(), layer.data)


def test_drawn_again_while_it_is_read(layer, listener, annotation, patience):
    layer.refresh()
    annotation._settled.stop()
    annotation._start_look()
    next(annotation._looks._job)
    layer.data[0, 0, 0] = 1
    layer.refresh()
    patience(lambda: not annotation.settling)
    assert np.array_equal(listener.labels, layer.data)


def test_scrolling_is_no_revision(layer, annotation, patience):
    layer.paint((1, 5, 5), 2)
    patience(lambda: not annotation.settling)
    layer.refresh()
    assert annotation.settling
    patience(lambda: not annotation.settling)
    assert annotation.revision == 1


def test_undo_never_reaches_into_another_array(layer, listener, annotation, patience):
    layer.mode = "erase"
    layer.paint((5, 19, 23), 2)
    smaller = np.zeros((4, 8, 9), np.uint8)
    smaller[1, 2, 3] = 1
    layer.data = smaller
    assert annotation.store.shape == (4, 8, 9)
    assert annotation.revision > 1
    layer.undo()
    layer.redo()
    assert layer.mode == "erase"
    assert layer.data.sum() == 1
    layer.paint((0, 0, 0), 1)
    layer.undo()
    patience(lambda: not annotation.settling)
    assert np.array_equal(listener.labels, layer.data)


def test_the_same_array_keeps_its_undo(layer, annotation, patience):
    layer.paint((1, 5, 5), 2)
    layer.data = layer.data
    layer.undo()
    assert not layer.data.any()
    patience(lambda: annotation.revision == 2)


def test_another_layer_goes_on_with_the_revision(layer, annotation):
    layer.paint((1, 5, 5), 2)
    annotation.follow(None)
    assert (annotation.revision, len(annotation.store)) == (2, 0)
    with pytest.raises(InputError, match="Not annotated yet"):
        annotation.snapshot()
    annotation.follow(layer)
    assert annotation.revision == 3
    assert np.array_equal(annotation.snapshot(), layer.data)


@pytest.mark.parametrize("value", [3, 300])
def test_values_that_are_no_class_are_refused(annotation, value):
    labels = np.zeros((4, 5), np.int32)
    labels[0, 0] = value
    annotation.follow(Labels(labels))
    with pytest.raises(InputError, match="only 2 classes"):
        annotation.snapshot()


def test_an_event_of_a_new_kind_leads_to_a_look(layer, annotation, patience):
    layer.data[0, 0, 0] = 1
    layer.events.paint(value=["an atom of napari 1.0"])
    patience(lambda: annotation.revision == 1)
    assert np.array_equal(annotation.store.dense(), layer.data)


def test_a_large_layer_holds_up_nobody(annotation, patience):
    labels = np.zeros((512, 512, 512), np.uint8)
    labels[::8, 20:30, 20:200] = 1
    layer = Labels(labels)
    annotation.follow(layer)
    listener = Listener(annotation)
    patience(lambda: not annotation.settling)
    assert annotation.counts.strokes == {1: 64}
    started = time.perf_counter()
    for x in range(20):
        layer.events.paint(
            value=[((np.full(9, 3), np.full(9, 3), np.arange(9) + 9 * x), 0, 2)]
        )
    assert (time.perf_counter() - started) / 20 < 0.02
    assert annotation.counts.voxels == {1: 64 * 1800}
    labels[3, 3, :180] = 2
    labels[500, 500, 500] = 2
    annotation._unread = True
    longest = 0.0
    annotation._settled.stop()
    annotation._start_look()
    while annotation._looks.busy:
        started = time.perf_counter()
        annotation._looks._advance()
        longest = max(longest, time.perf_counter() - started)
    assert longest < 0.1  # some 15 ms on a machine that does nothing else
    assert len(listener.changes) == 22
    assert annotation.counts.voxels[2] == 181


def test_a_removed_class_comes_back_with_undo(layer, listener, annotation, patience):
    annotation.set_classes(ClassTable.of(["background", "fiber", "void"]))
    for x, label in enumerate((1, 2, 3), start=1):
        layer.paint((1, 5, 6 * x), label)
    before = layer.data.copy()
    layer.selected_label = 3
    annotation.remove_class(2)
    assert annotation.class_names == ("background", "void")
    assert layer.selected_label == 2
    assert np.array_equal(layer.data, np.choose(before, [0, 1, 0, 2]))
    assert np.array_equal(listener.labels, layer.data)
    layer.undo()
    assert annotation.class_names == ("background", "fiber", "void")
    assert layer.metadata["class_names"] == ["background", "fiber", "void"]
    assert np.array_equal(listener.labels, before)
    layer.redo()
    assert annotation.class_names == ("background", "void")
    layer.undo()
    layer.undo()
    patience(lambda: not annotation.settling)
    assert annotation.class_names == ("background", "fiber", "void")
    assert np.array_equal(listener.labels, layer.data)


def test_two_removals_are_undone_one_by_one(layer, annotation):
    annotation.set_classes(ClassTable.of(["a", "b", "c", "d"]))
    for x, label in enumerate((1, 2, 3, 4)):
        layer.paint((1, 5, 5 * x), label)
    annotation.remove_class(1)
    annotation.merge_class(2, into=1)
    assert annotation.class_names == ("b", "d")
    layer.undo()
    assert annotation.class_names == ("b", "c", "d")
    layer.undo()
    assert annotation.class_names == ("a", "b", "c", "d")


def test_what_is_painted_back_by_hand_is_no_undo(layer, annotation):
    annotation.set_classes(ClassTable.of(["a", "b"]))
    layer.brush_size = 1
    layer.paint((1, 5, 5), 1)
    annotation.merge_class(1, into=2)
    annotation.set_classes(annotation.classes.added("c"))
    layer.data_setitem(tuple(np.array([n]) for n in (1, 5, 5)), 1)
    layer.refresh()
    assert annotation.class_names == ("b", "c")


def test_classes_that_are_painted_must_be_in_a_new_table(layer, annotation):
    layer.paint((1, 5, 5), 2)
    with pytest.raises(InputError, match="are labeled 2"):
        annotation.set_classes(ClassTable.of(["one"]))
    annotation.remove_class(1)
    with pytest.raises(InputError, match="one class at least"):
        annotation.remove_class(1)


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({}, ("background", "fiber")),
        ({"class_names": ["a", "b", "c"]}, ("a", "b", "c")),
        ({"class_names": ["a", "b"], "class_colors": ["red"]}, ("a", "b")),
        ({"class_names": ["a", "a"]}, ("background", "fiber")),
        ({"class_names": list("abcdefghijk")}, tuple("abcdefghi")),
    ],
)
def test_a_layer_says_what_its_classes_are(annotation, metadata, names):
    annotation.follow(Labels(np.zeros((4, 5), np.uint8), metadata=metadata))
    assert annotation.class_names == names
