"""The Train dock learns from several annotated images, in a real thread."""

import numpy as np
import pytest
from gui_helpers import is_settled
from qtpy.QtCore import Qt

from napari_sciml.annotation.classes import DEFAULT_TABLE
from napari_sciml.plugin.train.status import Phase

pytestmark = pytest.mark.gui

SHAPES = {"one": (48, 64), "two": (40, 56)}


def bar(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A bright bar, with a stroke of each class; background only in the first."""
    shape = SHAPES[name]
    image = np.random.default_rng(len(name)).normal(100, 10, shape)
    image[14:24] += 90
    labels = np.zeros(shape, np.uint8)
    labels[4:6, 5:40] = labels[34:36, 5:40] = 1
    if name == "two":
        labels[17:20, 5:40] = 2
    return image.astype(np.float32), labels


@pytest.fixture
def empty(viewer):
    from napari_sciml.plugin.session import ViewerSession

    return ViewerSession.of(viewer)


@pytest.fixture
def two(viewer, open_dock, empty):
    """Two images; the first one lacks a class."""
    for name in SHAPES:
        image, labels = bar(name)
        layer = viewer.add_image(image, name=name)
        empty.workspace.choose_image(layer)
        annotation = empty.workspace.start_annotating()
        annotation.data = labels
    empty.workspace.choose_image(viewer.layers["one"])
    dock = open_dock("Train")
    dock.members.setValue(2)
    dock.seconds.setValue(1)
    return dock


def tick(dock, name: str, ticked: bool = True) -> None:
    rows = [dock.images.rows.item(n) for n in range(dock.images.rows.count())]
    row = next(row for row in rows if row.text().startswith(name))
    row.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)


def begin(dock, session, patience) -> None:
    """Start a training that goes on until it is stopped."""
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: session.prediction.model is not None)


def end(dock, session, patience) -> None:
    dock.redraw()  # the button of a training that has just begun anew may be gray yet
    if session.training.running and not session.training.stopped:
        dock.start.click()
    patience(lambda: not session.workspace.runner.busy)
    dock.redraw()  # which comes a moment later by itself


def test_one_image_has_no_list(trained, open_dock) -> None:
    dock = open_dock("Train")
    assert not dock.images.isVisibleTo(dock)


def test_what_one_image_lacks_comes_from_the_other(
    two, empty, viewer, patience
) -> None:
    two.start.click()
    patience(lambda: empty.training.phase is Phase.WAITING)
    assert "two classes" in empty.training.sentence()
    end(two, empty, patience)
    tick(two, "two")
    two.start.click()
    patience(lambda: is_settled(empty))
    assert two.error.text() == ""
    shown = empty.prediction.probabilities
    assert shown.shape == SHAPES["one"]
    assert shown.mean[1][15:23].mean() > 0.8 > 0.3 > shown.mean[1][28:].mean()
    end(two, empty, patience)


def test_another_image_is_chosen_while_it_trains(two, empty, viewer, patience) -> None:
    tick(two, "two")
    begin(two, empty, patience)
    empty.workspace.choose_image(viewer.layers["two"])
    assert empty.training.running
    assert not empty.training.stopped
    two.redraw()
    rows = [two.images.rows.item(n) for n in range(2)]
    assert all(row.checkState() == Qt.CheckState.Checked for row in rows)
    patience(lambda: empty.prediction.probabilities.complete)
    assert empty.prediction.probabilities.shape == SHAPES["two"]
    # A stroke there counts at once.
    before = empty.training.taken
    layer = empty.workspace.annotation.layer
    layer.paint((30, 30), 1)
    revision = empty.workspace.annotation.revision
    assert revision > before
    patience(lambda: empty.training.taken == revision)
    numbers = [len(member.given) for member in empty.training.labels.members]
    assert numbers[1] == len(empty.workspace.annotation.store)
    # And back.
    empty.workspace.choose_image(viewer.layers["one"])
    patience(lambda: empty.prediction.probabilities.complete)
    assert empty.prediction.probabilities.shape == SHAPES["one"]
    end(two, empty, patience)


def test_an_image_that_is_shown_again_has_no_new_strokes(
    two, empty, viewer, patience
) -> None:
    tick(two, "two")
    two.start.click()
    patience(lambda: is_settled(empty))
    for name in ("two", "one", "two"):
        empty.workspace.choose_image(viewer.layers[name])
        two.redraw()
        assert two.revision.text().endswith("all your strokes."), name
    end(two, empty, patience)
    empty.workspace.choose_image(viewer.layers["one"])
    two.redraw()
    assert two.revision.text().endswith("all your strokes.")
    empty.workspace.annotation.layer.paint((30, 30), 1)
    two.redraw()
    assert "you are at" in two.revision.text()


def test_a_tick_tells_nothing_of_new_strokes(two, empty, viewer, patience) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    tick(two, "one")
    two.start.click()
    patience(lambda: is_settled(empty))
    for ticked in (False, True):
        before = empty.prediction.model.number
        tick(two, "one", ticked)
        patience(lambda before=before: empty.prediction.model.number > before)
        two.redraw()
        assert two.revision.text().endswith("all your strokes."), ticked
    end(two, empty, patience)


def test_an_image_that_is_picked_is_seen(two, empty, viewer, open_dock) -> None:
    channel = viewer.add_image(np.ones((40, 56)), name="channel", blending="additive")
    far = viewer.add_image(np.ones((40, 56)), name="far", translate=(0, 500))
    picker = open_dock("Annotate").image
    one, two_ = empty.workspace.annotations.images
    strokes = empty.workspace.annotations.of
    for name, seen in (("one", [True, False]), ("two", [True, True])):
        picker.setCurrentIndex(picker.findText(name))
        picker.activated.emit(picker.currentIndex())
        assert empty.workspace.image.name == name
        assert [one.visible, two_.visible] == seen
        shown = [strokes(image).visible for image in (one, two_)]
        assert shown == [name == "one", name == "two"]
    assert channel.visible
    assert far.visible


def test_begun_anew_with_both_a_loaded_model_stays(
    two, empty, viewer, patience, tmp_path
) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    two.start.click()
    patience(lambda: is_settled(empty))
    end(two, empty, patience)
    empty.prediction.save(tmp_path / "yesterday")
    empty.prediction.load(tmp_path / "yesterday")
    begin(two, empty, patience)
    tick(two, "one")
    patience(
        lambda: empty.training.labels is not None and empty.training.labels.several
    )
    before = empty.prediction.model.number
    patience(lambda: empty.prediction.model.number > before)
    assert "yesterday" in empty.prediction.model.began
    end(two, empty, patience)


def test_an_image_can_be_left_out_and_taken_in(two, empty, viewer, patience) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    tick(two, "one")
    begin(two, empty, patience)
    taken = empty.training.labels
    tick(two, "one", False)
    assert taken.members[1].left_out
    tick(two, "one")
    assert not taken.members[1].left_out
    patience(lambda: not taken.feed.waiting)
    tick(two, "one", False)
    empty.workspace.choose_image(viewer.layers["one"])
    assert not taken.members[1].left_out  # who paints on it wants it to count
    assert two.error.text() == ""
    end(two, empty, patience)


def test_ticking_while_one_image_trains_begins_anew_with_both(
    two, empty, viewer, patience
) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    begin(two, empty, patience)
    tick(two, "one")
    patience(
        lambda: empty.training.labels is not None and empty.training.labels.several
    )
    patience(lambda: empty.training.phase is Phase.TRAINING)
    known, members = empty.workspace.annotations.before, empty.training.labels.members
    counts = [sum(member.given.stroke_counts().values()) for member in members]
    assert [known[member.layer] for member in members] == counts
    old = empty.prediction.model.number
    patience(lambda: empty.prediction.model.number > old)
    assert empty.prediction.model.settings.before is None  # which are whose is lost
    end(two, empty, patience)


def test_an_image_outside_of_the_training_stops_it(
    two, empty, viewer, patience
) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    begin(two, empty, patience)
    empty.workspace.choose_image(viewer.layers["one"])
    assert empty.training.stopped or not empty.training.running
    patience(lambda: not empty.workspace.runner.busy)


@pytest.mark.parametrize("gone", ["image", "annotation"])
def test_a_layer_of_the_other_image_may_go(two, empty, viewer, patience, gone) -> None:
    empty.workspace.choose_image(viewer.layers["two"])
    tick(two, "one")
    begin(two, empty, patience)
    one = viewer.layers["one"]
    viewer.layers.remove(
        one if gone == "image" else empty.workspace.annotations.of(one)
    )
    empty.workspace.annotation.layer.paint((30, 30), 1)
    revision = empty.workspace.annotation.revision
    patience(lambda: empty.training.taken == revision)
    two.redraw()
    assert two.error.text() == ""
    end(two, empty, patience)


def test_other_classes_are_told(two, empty, viewer) -> None:
    annotation = empty.workspace.annotation
    for name, other in (("two", "void"), ("one", "dust")):
        empty.workspace.choose_image(viewer.layers[name])
        annotation.set_classes(DEFAULT_TABLE.added(other))
    tick(two, "two")
    two.start.click()
    assert "give both the same" in two.error.text()
    assert not empty.training.running


def test_a_volume_and_a_picture_are_told(two, empty, viewer, patience) -> None:
    layer = viewer.add_image(np.random.default_rng(0).normal(size=(8, 30, 30)))
    empty.workspace.choose_image(layer)
    painted = empty.workspace.start_annotating()
    painted.data = np.repeat(np.arange(2, dtype=np.uint8)[:, None, None], 4, 0) + (
        np.ones((8, 30, 30), np.uint8)
    )
    tick(two, "two")
    two.start.click()
    assert "number of axes" in two.error.text()
    assert not empty.training.running


@pytest.fixture
def twins(viewer, open_dock, empty):
    """Two images of one shape, as scans of a series are."""
    image, labels = bar("two")
    for name in ("one", "two"):
        layer = viewer.add_image(image, name=name)
        empty.workspace.choose_image(layer)
        empty.workspace.start_annotating().data = (
            labels if name == "two" else 0 * labels
        )
    dock = open_dock("Train")
    dock.members.setValue(2)
    dock.seconds.setValue(1)
    return dock


def test_images_of_one_shape_have_an_annotation_each(twins, empty, viewer) -> None:
    one, two = empty.workspace.annotations.images
    layers = [empty.workspace.annotations.of(image) for image in (one, two)]
    assert [layer.name for layer in layers] == ["Annotation", "Annotation two"]
    assert [bool(layer.data.any()) for layer in layers] == [False, True]
    for image, layer in zip((one, two), layers, strict=True):
        empty.workspace.pick_image(image)
        assert empty.workspace.annotation.layer is layer
    # What belongs to no image any more may be taken.
    viewer.layers.remove(layers[0])
    viewer.layers.remove(two)
    assert empty.workspace.image is one
    assert empty.workspace.annotation.layer is layers[1]


def test_results_are_seen_with_their_image_alone_and_come_back(
    twins, empty, viewer, patience
) -> None:
    twins.start.click()
    tick(twins, "one")
    patience(lambda: empty.prediction.probabilities is not None)
    patience(lambda: empty.prediction.probabilities.complete)
    one, two = empty.workspace.annotations.images

    def seen() -> list[str]:
        found = [layer for layer in viewer.layers if "Probability" in layer.name]
        return [layer.name for layer in found if layer.visible]

    first = seen()
    assert len(first) == 1
    empty.workspace.pick_image(one)
    patience(lambda: bool(seen()))
    second = seen()
    assert second != first
    for image, names in ((two, first), (one, second), (two, first)):
        empty.workspace.pick_image(image)
        patience(lambda names=names: seen() == names)
    end(twins, empty, patience)
