"""The Train dock, with real training in a real thread."""

import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled

from napari_sciml.plugin.train.status import Phase
from napari_sciml.plugin.train.words import tell_checkpoint

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(session, open_dock):
    made = open_dock("Train")
    made.members.setValue(2)
    made.seconds.setValue(1)
    return made


def test_trains_predicts_and_tells(dock, session, viewer, patience) -> None:
    dock.start.click()
    assert dock.start.text() == "Stop"
    patience(lambda: session.training.phase is Phase.TRAINING)
    patience(lambda: is_settled(session))
    dock.redraw()
    assert dock.start.text() == "Stop"
    assert "Waiting for more labels" in dock.status.text()
    assert dock.bar.value() == 1000
    assert "background" in dock.scores.text()
    assert dock.predicted.text() == ""
    assert len(session.training.curves.held_out) > 1
    revision = session.workspace.annotation.revision
    assert dock.revision.text() == f"Trained on revision {revision}: all your strokes."
    names = [layer.name for layer in viewer.layers]
    assert names == ["bar", "Probability fiber", "Uncertainty", "Annotation"]
    assert viewer.layers["Probability fiber"].scale.tolist() == [3, 2, 2]
    assert dock.device_line.text().startswith("Computes on")


def test_new_strokes_reach_the_training_without_a_restart(
    dock, session, patience
) -> None:
    dock.seconds.setValue(600)
    dock.start.click()
    training = session.training
    patience(lambda: session.prediction.model is not None)
    before, steps = session.workspace.annotation.revision, len(training.curves.training)
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    assert session.workspace.annotation.revision == before + 1
    dock.redraw()
    assert f"you are at {before + 1}" in dock.revision.text()
    patience(lambda: session.prediction.model.revision == before + 1)
    assert training.taken == before + 1
    assert len(training.curves.training) >= steps
    session.workspace.annotation.layer.undo()
    patience(lambda: session.prediction.model.revision == before + 2)
    dock.start.click()
    patience(lambda: not session.workspace.runner.busy)


def test_a_switch_that_is_on_waits_for_the_first_strokes(
    viewer, open_dock, patience
) -> None:
    image, labels = bright_bar()
    viewer.add_image(image, name="bar")
    layer = viewer.add_labels(np.zeros_like(labels), name="Annotation")
    dock = open_dock("Train")
    dock.members.setValue(2)
    dock.start.click()
    session = dock.session
    patience(lambda: session.training.phase is Phase.WAITING)
    assert "two classes" in session.training.sentence()
    where = np.nonzero(labels)
    layer.data_setitem(where, labels[where])
    patience(lambda: session.prediction.model is not None)
    assert session.prediction.model.kind == "trees"
    dock.redraw()
    assert dock.shown.text() == "You see trees."
    layer.data_setitem(where, 0)
    patience(lambda: session.training.phase is Phase.WAITING)
    assert "two classes" in session.training.sentence()
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_wakes_when_labels_come(dock, session, patience) -> None:
    dock.start.click()
    patience(lambda: is_settled(session))
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    patience(lambda: session.training.phase is Phase.TRAINING)
    patience(lambda: is_settled(session))
    assert session.prediction.model.revision == session.workspace.annotation.revision
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_pause_and_going_on(dock, session, viewer, patience) -> None:
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    dock.pause.click()
    patience(lambda: session.training.phase is Phase.PAUSED)
    steps = len(session.training.curves.training)
    viewer.dims.set_point(0, 3 * 9)
    patience(lambda: session.prediction.probabilities.complete)
    assert len(session.training.curves.training) == steps
    assert dock.pause.text() == "Go on"
    dock.pause.click()
    patience(lambda: len(session.training.curves.training) > steps)
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_start_over_keeps_the_history(dock, session, patience) -> None:
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: len(session.history.models) > 0)
    number = session.history.models[0].number
    dock.start_over.click()
    patience(lambda: len(session.history.models) > 1)
    assert session.history.models[0].number == number
    assert session.history.models[-1].number > number
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_start_over_knows_which_strokes_corrected_a_picture(
    dock, session, patience
) -> None:
    from napari_sciml.project.runs import RunStarted

    told = []
    session.training.logged.connect(told.append)
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    layer, revision = session.workspace.annotation.layer, session.training.taken
    for z in (0, 2):
        layer.data_setitem((np.full(4, z), np.full(4, 2), np.arange(4)), 1)
    patience(lambda: session.training.taken > revision)
    dock.start_over.click()
    begun = [event for event in told if isinstance(event, RunStarted)]
    patience(lambda: len([e for e in told if isinstance(e, RunStarted)]) == 2)
    first, again = (event for event in told if isinstance(event, RunStarted))
    assert begun == [first]
    assert first.before == again.before
    assert 0 < first.before < session.training.labels.strokes
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_back_to_an_earlier_model(dock, session, viewer, patience) -> None:
    dock.start.click()
    patience(lambda: is_settled(session))
    patience(lambda: session.history.models[-1].thumbnail is not None)
    assert len(session.history.models) >= 2
    first = session.history.opened(0)
    rows = dock.history.rows
    rows.setCurrentRow(rows.count() - 1)
    dock.history.use.click()
    assert session.prediction.model is first
    assert session.training.paused
    patience(lambda: session.prediction.probabilities.complete)
    rows.selectAll()
    assert not dock.history.compare.isEnabled() or rows.count() == 2
    session.history.compare(0, 1)
    patience(lambda: "Difference" in viewer.layers)
    assert "% of this slice" in dock.history.told.text()
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_the_shown_slice_fills_in_while_it_trains(dock, session, viewer, patience):
    dock.seconds.setValue(600)
    viewer.dims.set_point(0, 3 * 5)
    dock.start.click()
    patience(lambda: session.prediction.probabilities is not None)
    patience(lambda: bool(session.prediction.probabilities.known[5].all()))
    viewer.dims.set_point(0, 3 * 9)
    patience(lambda: bool(session.prediction.probabilities.known[9].all()))
    assert viewer.layers["Probability fiber"].data[9].any()
    patience(lambda: session.prediction.model is not None)
    assert session.training.phase is Phase.TRAINING
    dock.start.click()
    patience(lambda: not (session.workspace.runner.busy or session.training.running))
    dock.redraw()
    dock.predict.click()
    patience(lambda: not session.workspace.runner.busy)
    assert session.prediction.probabilities.complete


def test_an_outdated_picture_is_dimmed(trained, viewer, patience) -> None:
    layer = viewer.layers["Probability fiber"]
    opacity = layer.opacity
    model = trained.history.opened(0)
    trained.prediction.use(model)
    assert layer.opacity == pytest.approx(opacity / 2)
    trained.training.predict()
    patience(lambda: not trained.workspace.runner.busy)
    assert layer.opacity == pytest.approx(opacity)


def test_a_deleted_layer_stays_away_until_the_next_job(
    dock, trained, viewer, patience
) -> None:
    del viewer.layers["Probability fiber"]
    del viewer.layers["Uncertainty"]
    patience(dock.start.isEnabled)
    dock.start.click()
    patience(lambda: "Uncertainty" in viewer.layers)
    del viewer.layers["Uncertainty"]
    patience(lambda: is_settled(trained))
    assert "Probability fiber" in viewer.layers
    assert "Uncertainty" not in viewer.layers
    trained.training.stop()
    patience(lambda: not trained.workspace.runner.busy)


def test_the_brush_stays_in_the_hand(dock, session, viewer, patience) -> None:
    session.workspace.start_annotating()
    dock.start.click()
    patience(lambda: "Uncertainty" in viewer.layers)
    assert viewer.layers.selection.active == session.workspace.annotation.layer
    assert session.workspace.annotation.layer.mode == "paint"
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_image_deleted_while_training(dock, session, viewer, patience) -> None:
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: session.prediction.model is not None)
    del viewer.layers["bar"]
    patience(lambda: not session.workspace.runner.busy)
    assert session.workspace.image is None
    assert session.prediction.model is not None
    assert dock.error.text() == ""
    dock.redraw()
    dock.start.click()
    assert "There is no image" in dock.error.text()


def test_annotation_deleted_while_training(dock, session, viewer, patience) -> None:
    dock.start.click()
    del viewer.layers["Annotation"]
    patience(lambda: is_settled(session))
    assert dock.error.text() == ""
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_viewer_closed_while_training(make_napari_viewer, qtbot, patience) -> None:
    from napari_sciml.plugin.session import ViewerSession

    viewer = make_napari_viewer()
    image, labels = bright_bar()
    viewer.add_image(image)
    viewer.add_labels(labels, name="Annotation")
    _, dock = viewer.window.add_plugin_dock_widget("napari-sciml", "Train")
    dock.seconds.setValue(600)
    dock.start.click()
    session = ViewerSession.of(viewer)
    patience(lambda: session.prediction.model is not None)
    viewer.close()
    patience(lambda: not session.workspace.runner.busy)


def spoiled(name: str) -> tuple[np.ndarray, np.ndarray]:
    image, labels = bright_bar()
    if name == "nan":
        image[3, 4, 5] = np.nan
    if name == "other shape":
        labels = labels[1:]
    if name == "unknown class":
        labels[0, 0, 0] = 7
    return image, labels


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nan", "1 NaN"),
        ("other shape", "has shape (15, 32, 32)"),
        ("unknown class", "only 2 classes"),
    ],
)
def test_bad_input_is_one_sentence(viewer, open_dock, patience, name, sentence) -> None:
    image, labels = spoiled(name)
    viewer.add_image(image, name="bar")
    viewer.add_labels(labels, name="Annotation")
    dock = open_dock("Train")
    dock.start.click()
    patience(lambda: bool(dock.error.text()))
    assert sentence in dock.error.text()
    patience(lambda: not dock.session.workspace.runner.busy)
    dock.redraw()
    assert dock.start.text() == "Train"
    assert viewer.layers["Annotation"].data.shape == labels.shape


def test_models_are_saved_and_loaded(trained, open_dock, tmp_path, patience) -> None:
    dock = open_dock("Train")
    trained.prediction.save(tmp_path / "model")
    before = trained.prediction.probabilities.mean.copy()
    trained.prediction.load(tmp_path / "model")
    dock.redraw()
    assert dock.revision.text() == "Model loaded from a folder."
    dock.predict.click()
    patience(lambda: not trained.workspace.runner.busy)
    after = trained.prediction.probabilities.mean
    np.testing.assert_allclose(before, after, atol=2e-2)  # half precision before


@pytest.fixture
def loaded(trained, open_dock, tmp_path):
    """The dock, with a model that was loaded from a folder."""
    dock = open_dock("Train")
    dock.members.setValue(2)
    dock.seconds.setValue(1)
    trained.prediction.save(tmp_path / "yesterday")
    dock._try(dock._load, str(tmp_path / "yesterday"))
    return dock


def test_a_training_begins_with_the_loaded_model(trained, loaded, patience) -> None:
    """Yesterday's model counts as far as the strokes agree, and stays to go back to."""
    dock = loaded
    assert dock.error.text() == ""
    assert "of yesterday" in dock.shown.text()
    assert "loaded from yesterday" in tell_checkpoint(trained.history.models[-1])
    dock.start.click()
    patience(lambda: is_settled(trained))
    dock.redraw()
    assert "yesterday fits these strokes" in dock.shown.text()
    kept = next(m for m in trained.history.models if m.loaded_from)
    trained.training.go_back(trained.history.models.index(kept))
    dock.start.click()
    patience(lambda: not trained.workspace.runner.busy)
    assert trained.prediction.model is trained.history.model(kept)


def test_start_over_leaves_the_loaded_model(trained, loaded, patience) -> None:
    dock = loaded
    trained.training.start_over(dock.settings)
    patience(lambda: is_settled(trained))
    dock.redraw()
    assert "yesterday" not in dock.shown.text()
    dock.start.click()
    patience(lambda: not trained.workspace.runner.busy)


def test_a_folder_that_is_no_model(session, open_dock, tmp_path) -> None:
    dock = open_dock("Train")
    dock._try(session.prediction.load, tmp_path)
    assert "is not a model" in dock.error.text()


def test_works_in_2d(viewer, open_dock, patience) -> None:
    image, labels = bright_bar((48, 48))
    viewer.add_image(image)
    viewer.add_labels(labels, name="Annotation")
    dock = open_dock("Train")
    dock.members.setValue(2)
    dock.seconds.setValue(1)
    dock.start.click()
    patience(lambda: is_settled(dock.session))
    assert dock.error.text() == ""
    dock.session.training.stop()
    patience(lambda: not dock.session.workspace.runner.busy)
