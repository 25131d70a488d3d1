"""What people do while a training runs: nothing is lost, nothing hangs, no error."""

import logging
import time
from collections.abc import Iterator

import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled
from qtpy.QtCore import QTimer

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.plugin.train.status import Phase
from napari_sciml.plugin.uncertainty.guide import LOOK_HERE
from napari_sciml.uncertainty.acquisition import Query

pytestmark = [
    pytest.mark.gui,
    pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning"),
]

STROKES, SECONDS = 100, 10.0
OUTPUTS = ("Probability fiber", "Uncertainty", "Confident fiber", LOOK_HERE)
ANNOTATION = "Annotation"
SPOT = Query((5, 13, 13), (slice(5, 6), slice(10, 17), slice(10, 17)), 0.5)


@pytest.fixture(autouse=True)
def nothing_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A job that fails, in whichever thread, is logged."""
    yield
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.fixture
def dock(session, open_dock):
    made = open_dock("Train")
    made.members.setValue(2)
    made.seconds.setValue(600)
    return made


@pytest.fixture
def training(dock, session, viewer, open_dock, patience):
    """A training that goes on, with each of the layers that we make."""
    uncertainty = open_dock("Uncertainty")
    dock.start.click()
    patience(lambda: bool(session.sure.predicted))
    uncertainty.keep.click()
    # In so small an image no place is far enough from all labels to be suggested.
    session.guide.spot = SPOT
    session.guide._mark(SPOT)
    assert all(name in viewer.layers for name in OUTPUTS)
    yield session.training
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    assert dock.error.text() == ""


def stroke(layer, rng: np.random.Generator) -> None:
    """A few voxels along a line, as the mouse paints them: one step of undo."""
    z, y = rng.integers(0, layer.data.shape[:2])
    start, label = rng.integers(0, layer.data.shape[2] - 8), int(rng.integers(1, 3))
    with layer.block_history():
        for x in range(start, start + 8):
            layer.paint((z, y, x), label)


def settled_store(session, patience) -> None:
    """Wait for rest; then store and counts have to tell what is painted."""
    annotation = session.workspace.annotation
    patience(lambda: not annotation.settling)
    labels = np.asarray(annotation.layer.data)
    assert np.array_equal(annotation.store.dense(), labels)
    found = np.bincount(labels.ravel())
    voxels = {n: int(count) for n, count in enumerate(found) if n and count}
    assert annotation.counts.voxels == voxels


def caught_up(session) -> bool:
    """Whether the training has taken in all that is painted, and shows it."""
    model, revision = session.prediction.model, session.workspace.annotation.revision
    if model is None or model.revision != revision:
        return False
    return (
        session.training.taken == revision and not session.workspace.annotation.settling
    )


def given(session) -> np.ndarray:
    """What the training was handed, all changes together."""
    return session.training.labels.given.dense()


def steps(session) -> int:
    return len(session.training.curves.training)


def test_a_hundred_strokes_in_ten_seconds(dock, session, patience) -> None:
    layer, rng = session.workspace.annotation.layer, np.random.default_rng(0)
    first = session.workspace.annotation.revision
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    painted: list[float] = []

    def paint() -> None:
        stroke(layer, rng)
        painted.append(time.monotonic())

    hand = QTimer()
    hand.setInterval(int(1000 * SECONDS / STROKES))
    hand.timeout.connect(paint)
    hand.start()
    patience(lambda: len(painted) >= STROKES)
    hand.stop()
    settled_store(session, patience)
    assert session.workspace.annotation.revision > first + STROKES // 2
    patience(lambda: caught_up(session))
    assert np.array_equal(given(session), layer.data)
    before = steps(session)
    patience(lambda: steps(session) > before)
    assert session.training.phase is Phase.TRAINING
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    assert dock.error.text() == ""


def test_an_undo_storm(dock, session, patience) -> None:
    layer, rng = session.workspace.annotation.layer, np.random.default_rng(1)
    before = layer.data.copy()
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    for _ in range(30):
        stroke(layer, rng)
    painted = layer.data.copy()
    settled_store(session, patience)
    for action, expected in ((layer.undo, before), (layer.redo, painted)):
        for _ in range(30):
            action()
        assert np.array_equal(layer.data, expected)
        settled_store(session, patience)
    for _ in range(5):  # to and fro, with no rest in between
        for action in (*(layer.undo,) * 30, *(layer.redo,) * 30):
            action()
    stroke(layer, rng)
    layer.undo()
    settled_store(session, patience)
    assert np.array_equal(layer.data, painted)
    patience(lambda: caught_up(session))
    assert np.array_equal(given(session), painted)
    assert session.training.phase is Phase.TRAINING
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    assert dock.error.text() == ""


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_layer_is_deleted(training, session, viewer, patience, name) -> None:
    del viewer.layers[name]
    before = steps(session)
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session) and steps(session) > before)
    assert name not in viewer.layers
    assert training.phase is Phase.TRAINING


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_layer_is_renamed(training, session, viewer, patience, name) -> None:
    layer = viewer.layers[name]
    layer.name = "mine"
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session))
    session.guide._mark(SPOT)
    session.sure.show()
    kept = [layer for layer in viewer.layers if layer.name in (name, "mine")]
    assert kept == [layer]  # it is still ours: no second one was made
    assert training.phase is Phase.TRAINING


def test_all_output_layers_are_deleted_at_once(
    training, session, viewer, patience
) -> None:
    for name in OUTPUTS:
        del viewer.layers[name]
    patience(lambda: bool(session.prediction.probabilities.known.all()))
    assert [layer.name for layer in viewer.layers] == ["bar", ANNOTATION]
    session.guide.show_next()
    session.sure.keep()
    patience(lambda: not session.guide.searching)
    assert "Confident fiber" in viewer.layers
    assert training.phase is Phase.TRAINING


def test_image_and_annotation_are_renamed(training, session, viewer, patience) -> None:
    viewer.layers["bar"].name = "Annotation of something else"
    layer = session.workspace.annotation.layer
    layer.name = "strokes"
    layer.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session))
    assert session.workspace.annotation.layer is layer
    assert np.array_equal(given(session), layer.data)
    assert training.phase is Phase.TRAINING


def test_a_renamed_annotation_is_found_again(session, open_dock, viewer) -> None:
    dock = open_dock("Annotate")
    layer, image = session.workspace.annotation.layer, session.workspace.image
    layer.name = "strokes"
    other = viewer.add_image(np.zeros((5, 6, 7), np.float32), name="other")
    dock.image.picked.emit(other)
    assert session.workspace.annotation.layer is None
    dock.image.picked.emit(image)
    assert session.workspace.annotation.layer is layer


def test_the_annotation_is_deleted_and_another_painted(
    training, session, viewer, patience
) -> None:
    del viewer.layers[ANNOTATION]
    before = steps(session)
    patience(lambda: steps(session) > before)
    layer = session.workspace.start_annotating()
    assert not layer.data.any()
    _, labels = bright_bar()
    where = np.nonzero(labels)
    layer.data_setitem(where, labels[where])
    patience(lambda: caught_up(session))
    assert np.array_equal(given(session), labels)


def test_the_image_is_deleted_with_everything_on_it(
    training, session, viewer, patience
) -> None:
    viewer.layers.clear()
    patience(lambda: not session.workspace.runner.busy)
    assert session.workspace.image is None
    assert session.workspace.annotation.layer is None


def test_the_mark_goes_with_a_deleted_image(
    training, session, viewer, patience
) -> None:
    del viewer.layers["bar"]
    patience(lambda: not session.workspace.runner.busy)
    patience(lambda: LOOK_HERE not in viewer.layers)
    assert session.guide.spot is None


def test_the_image_is_switched_to_and_fro(
    training, dock, session, open_dock, viewer, patience
) -> None:
    annotate = open_dock("Annotate")
    bar, strokes = session.workspace.image, session.workspace.annotation.layer
    other = viewer.add_image(np.zeros((12, 24, 24), np.float32), name="other")
    for image in (other, bar, other, bar):
        annotate.image.picked.emit(image)
    assert session.workspace.annotation.layer is strokes
    patience(lambda: not session.workspace.runner.busy)
    patience(lambda: LOOK_HERE not in viewer.layers)
    dock.redraw()
    dock.start.click()
    strokes.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session))
    assert np.array_equal(given(session), strokes.data)


def test_the_image_is_switched_while_it_starts(
    dock, session, viewer, open_dock, patience
) -> None:
    annotate = open_dock("Annotate")
    other = viewer.add_image(np.zeros((12, 24, 24), np.float32), name="other")
    dock.start.click()
    annotate.image.picked.emit(other)
    patience(lambda: not session.workspace.runner.busy)
    assert session.workspace.image.name == "other"
    assert dock.error.text() == ""
    dock.redraw()
    dock.start.click()
    dock.redraw()
    assert dock.error.text()  # nothing is painted on the other one


def test_the_array_of_the_image_is_exchanged(
    training, session, viewer, patience
) -> None:
    viewer.layers["bar"].data = np.zeros((12, 24, 24), np.float32)
    session.workspace.follow_view()
    before = steps(session)
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: steps(session) > before or not session.workspace.runner.busy)


@pytest.mark.parametrize("name", ["Train", "Annotate", "Uncertainty", "Fibers"])
def test_a_dock_is_closed_and_the_others_go_on(
    session, viewer, open_dock, patience, name
) -> None:
    docks = {n: open_dock(n) for n in ("Annotate", "Train", "Uncertainty", "Fibers")}
    docks["Train"].members.setValue(2)
    docks["Train"].seconds.setValue(600)
    docks["Train"].start.click()
    patience(lambda: session.prediction.model is not None)
    viewer.window.remove_dock_widget(docks.pop(name))
    before = steps(session)
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session) and steps(session) > before)
    for left in docks.values():
        viewer.window.remove_dock_widget(left)  # the test holds on to the widgets
    patience(lambda: not session.workspace.runner.busy)


def test_the_last_dock_is_closed_and_opened_again(
    dock, session, viewer, open_dock, patience
) -> None:
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    viewer.window.remove_dock_widget(dock)
    patience(lambda: not session.workspace.runner.busy)
    layer = viewer.layers[ANNOTATION]
    layer.paint((1, 1, 1), 2)
    again = open_dock("Train")
    assert again.session is session
    again.members.setValue(2)
    again.start.click()
    patience(lambda: caught_up(session))
    assert np.array_equal(given(session), layer.data)
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


@pytest.mark.parametrize("when", ["at once", "with a model", "when it has settled"])
def test_the_viewer_is_closed(make_napari_viewer, qtbot, patience, when) -> None:
    viewer = make_napari_viewer()
    image, labels = bright_bar()
    viewer.add_image(image)
    viewer.add_labels(labels, name=ANNOTATION)
    docks = {
        name: viewer.window.add_plugin_dock_widget("napari-sciml", name)[1]
        for name in ("Annotate", "Train", "Uncertainty", "Fibers")
    }
    docks["Train"].members.setValue(2)
    docks["Train"].seconds.setValue(1 if "settled" in when else 600)
    session = ViewerSession.of(viewer)
    docks["Train"].start.click()
    if "model" in when:
        patience(lambda: session.prediction.model is not None)
        docks["Uncertainty"].show_next.click()
        session.workspace.annotation.layer.paint((1, 1, 1), 2)
    if "settled" in when:
        patience(lambda: is_settled(session))
    viewer.close()
    patience(lambda: not session.workspace.runner.busy)


def test_stop_and_train_again_and_again(dock, session, patience) -> None:
    for _ in range(4):
        dock.start.click()
        patience(lambda: session.training.phase is Phase.TRAINING)
        session.workspace.annotation.layer.paint((1, 1, 1), 2)
        session.training.start_over(dock.settings)
        session.training.pause(True)
        session.training.pause(False)
        session.training.stop()
        patience(lambda: not session.workspace.runner.busy)  # it does not start over
        session.workspace.annotation.layer.undo()
        dock.redraw()
    assert dock.error.text() == ""


def test_classes_change_while_it_trains(dock, session, patience) -> None:
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    classes = session.workspace.annotation.classes
    session.workspace.annotation.set_classes(classes.renamed(2, "glass"))
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: caught_up(session))
    assert session.prediction.model.ensemble.class_names[1] == "glass"
    session.workspace.annotation.set_classes(
        session.workspace.annotation.classes.added("void")
    )
    patience(lambda: not session.workspace.runner.busy)
    assert "number of classes has changed" in dock.error.text()
