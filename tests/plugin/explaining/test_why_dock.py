"""Why? in a real window: a click, what is told, and what goes wrong."""

import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled
from qtpy.QtCore import QPoint

from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.plugin.explaining.controller import (
    CLICK,
    GONE,
    IN_3D,
    NO_MODEL,
    OTHER_CLASSES,
    OUTSIDE,
    WENT_ON,
)
from napari_sciml.plugin.explaining.layers import AROUND, STROKES
from napari_sciml.plugin.explaining.part import LAID_OUT_MS
from napari_sciml.plugin.state.model import Model
from napari_sciml.workflows.explaining.viewing import HALF, plane_round

pytestmark = pytest.mark.gui
SCALE, AT = (3, 2, 2), (6, 10, 20)
NAMES = ("background", "fiber")


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def model(grow_trees):
    image, labels = bright_bar((8, 32, 32))
    ensemble = Ensemble(
        [],
        front=ScaleSpace(3, (1.0,)),
        intensity=estimate_intensity(image),
        class_names=NAMES,
        forest=grow_trees(image, labels).trees,
    )
    return Model(ensemble, number=1, kind="trees")


@pytest.fixture
def dock(viewer, open_dock, qtbot):
    """The dock on a bar and its strokes, before anything is trained."""
    viewer.window._qt_window.resize(1200, 800)
    image, labels = bright_bar((8, 32, 32))
    place = {"scale": SCALE, "translate": AT}
    viewer.add_image(image, name="bar", **place)
    viewer.add_labels(labels, name="Annotation", **place)
    made = open_dock("Uncertainty")
    viewer.dims.set_point(0, AT[0] + 4 * SCALE[0])
    viewer.reset_view()
    qtbot.wait(50)
    return made


@pytest.fixture
def asking(dock, model):
    dock.session.prediction.use(model)
    dock.why.start.click()
    return dock


@pytest.fixture
def click(click_world):
    def click_at(y: float, x: float) -> None:
        click_world(np.array([y, x]) * SCALE[1:] + AT[1:])

    return click_at


@pytest.fixture
def done(patience):
    def wait(dock):
        run = dock.session.why
        patience(lambda: not run._runner.busy and not run.words)

    return wait


def test_a_click_tells_everything(asking, viewer, click, done) -> None:
    assert asking.why.note.text() == CLICK
    click(15, 14)
    done(asking)
    run = asking.session.why
    assert run.place == (4, 15, 14)
    assert run.voices.class_names[run.voices.class_index] == "fiber"
    assert "(4, 15, 14), by trees: fiber" in asking.why.members_words.text()
    assert len(asking.why.members.lanes[0][1]) == 8
    assert asking.why.channels.rows[0][1] > 0
    assert asking.why.channels_words.text().count("Mostly") == 1
    assert asking.why.strokes.count() == 5
    assert not asking.why.strokes.item(0).icon().isNull()
    assert "not prove" in asking.why.no_proof.text()
    around = viewer.layers[AROUND]
    window = [slice(0, 8), slice(0, 32), slice(0, 32)]
    begin = around.data_to_world((-0.5,) * 3)
    first = np.array([part.start for part in window]) - 0.5
    assert (np.array(begin) >= first * SCALE + AT).all()
    point = np.array(
        viewer.layers[STROKES].data_to_world(viewer.layers[STROKES].data[0])
    )
    place = np.array(run.strokes[0].place)
    np.testing.assert_allclose(point, place * SCALE + AT)


def test_a_stroke_in_the_list_leads_there(asking, viewer, click, done) -> None:
    click(15, 14)
    done(asking)
    item = asking.why.strokes.item(4)
    place = asking.session.why.strokes[4].place
    asking.why.strokes.itemClicked.emit(item)
    assert viewer.dims.point[0] == pytest.approx(AT[0] + place[0] * SCALE[0])
    center = np.array(viewer.scene.camera.center[1:])
    np.testing.assert_allclose(center, np.array(place[1:]) * SCALE[1:] + AT[1:])


def test_escape_ends_it_and_gives_the_brush_back(
    dock, model, viewer, click, done, qtbot
) -> None:
    from qtpy.QtCore import Qt

    dock.session.prediction.use(model)
    layer = dock.session.workspace.start_annotating()
    assert layer.mode == "paint"
    before = layer.data.copy()
    dock.why.start.click()
    assert layer.mode == "pan_zoom"
    click(15, 14)
    done(dock)
    assert AROUND in viewer.layers
    np.testing.assert_array_equal(layer.data, before)
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dock.session.why.asking, timeout=5000)
    assert layer.mode == "paint"
    assert AROUND not in viewer.layers
    assert STROKES not in viewer.layers
    assert not dock.why.start.isChecked()
    assert dock.why.strokes.count() == 5  # to go on reading
    dock.session.why.ask((4, 15, 14))
    done(dock)


def test_the_next_click_counts(asking, click, done) -> None:
    for y, x in ((15, 14), (4, 20), (27, 9)):
        click(y, x)
    done(asking)
    assert asking.session.why.place == (4, 27, 9)
    assert asking.session.why.voices.center == (4, 27, 9)


def test_labels_are_looked_at_once(asking, click, done) -> None:
    run = asking.session.why
    click(15, 14)
    done(asking)
    model = asking.session.prediction.model
    known = run._strokes.of(model)
    assert known.channels is not None
    click(4, 20)
    done(asking)
    assert run._strokes.of(model) is known
    assert run.channels is known.channels
    layer = asking.session.workspace.annotation.layer
    layer.data_setitem((np.array([6]), np.array([16]), np.array([2])), 2)
    asking.session.workspace.annotation.read_now()
    click(15, 14)
    done(asking)
    assert run._strokes.of(model) is not known
    assert run.channels is run._strokes.of(model).channels


def test_a_click_does_not_wait_for_what_is_looked_at_before(
    dock, model, done, patience
) -> None:
    """The members answer first; what is left of the strokes is looked at after."""
    dock.session.prediction.use(model)
    run = dock.session.why
    assert not run._strokes.busy
    dock.why.start.click()
    assert run._strokes.busy
    known = run._strokes.of(model)
    seen = []
    run.changed.connect(lambda: seen.append((run.voices, known.channels)))
    run.ask((4, 15, 14))
    done(dock)
    assert any(voices is not None and not channels for voices, channels in seen)
    assert run.channels is known.channels
    assert run.voices.center == (4, 15, 14)


def test_strokes_are_looked_at_when_a_training_ends(dock, patience) -> None:
    from napari_sciml.training.config import TrainingConfig

    session = dock.session
    session.training.start(TrainingConfig(members=2, seconds=1))
    patience(lambda: is_settled(session))
    session.training.stop()
    model = session.prediction.model
    patience(lambda: session.why._strokes.of(model).channels is not None)
    assert session.why.place is None


def test_waiting_for_the_strokes_can_be_ended(asking, patience) -> None:
    run = asking.session.why
    patience(lambda: not run._strokes.busy)
    run._strokes.forget()
    run._strokes.prepare()
    run.ask((4, 15, 14))
    run.end()
    patience(lambda: not run._strokes.busy)
    assert run.voices is None
    assert run.words == ""


def test_nothing_trained_is_told(dock) -> None:
    dock.why.start.click()
    assert dock.why.error.text() == NO_MODEL
    assert not dock.why.start.isChecked()
    assert not dock.session.why.asking


def test_a_click_beside_the_image_is_told(asking, click, done) -> None:
    click(40, 14)
    assert asking.why.error.text() == OUTSIDE
    click(15, 14)
    done(asking)
    assert asking.why.error.text() == ""


def test_a_click_in_3d_is_told(asking, viewer, click, qtbot) -> None:
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    qtbot.wait(50)
    canvas = viewer.window._qt_viewer.canvas.native
    from qtpy.QtCore import Qt

    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    assert asking.why.error.text() == IN_3D


def test_an_image_that_goes_meanwhile_is_told(asking, viewer, click, done) -> None:
    click(15, 14)
    viewer.layers.remove("bar")
    done(asking)
    assert asking.why.note.text() == GONE
    assert not asking.session.why.asking
    assert AROUND not in viewer.layers


def test_our_layers_may_be_deleted_meanwhile(asking, viewer, click, done) -> None:
    click(15, 14)
    done(asking)
    viewer.layers.remove(AROUND)
    viewer.layers.remove(STROKES)
    click(4, 20)
    done(asking)
    assert AROUND in viewer.layers
    assert STROKES in viewer.layers


def test_a_model_with_other_classes_is_not_compared(dock, model, click, done) -> None:
    model.ensemble.class_names = ("paste", "fiber")
    dock.session.prediction.use(model)
    dock.why.start.click()
    click(15, 14)
    done(dock)
    assert dock.why.note.text() == OTHER_CLASSES
    assert dock.session.why.strokes is None
    assert not dock.session.why.channels.labeled


def test_training_goes_on_meanwhile(dock, click, done, patience) -> None:
    from napari_sciml.training.config import TrainingConfig

    session = dock.session
    session.training.start(TrainingConfig(members=2, seconds=600))
    patience(lambda: session.prediction.model is not None)
    dock.why.start.click()
    click(15, 14)
    patience(lambda: session.why.voices is not None)
    assert session.workspace.runner.busy
    steps = session.prediction.model.steps
    done(dock)
    assert session.why.channels is not None
    assert dock.why.error.text() == ""
    patience(lambda: session.prediction.model.steps > steps or is_settled(session))
    session.why._on_model()
    if session.why._by is not session.prediction.model:
        assert dock.why.note.text() == WENT_ON
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_the_button_shows_nothing_else_before(dock) -> None:
    assert not dock.why.members.isVisible()
    assert not dock.why.strokes.isVisible()
    assert dock.why.start.objectName() == "why"


def test_a_picture_of_a_place_at_the_border_is_filled_up() -> None:
    image = np.arange(3 * 40 * 50, dtype=np.float32).reshape(3, 40, 50)
    found = plane_round(image, (1, 2, 49))
    assert found.shape == (2 * HALF + 1,) * 2
    assert found[HALF, HALF] == image[1, 2, 49]
    assert np.isnan(found[0]).all()
    assert np.isnan(found[:, HALF + 1 :]).all()
    assert found[HALF - 2, HALF - 3] == image[1, 0, 46]


def test_the_first_answer_is_scrolled_to_and_later_ones_are_not(
    asking, viewer, click, done, qtbot
) -> None:
    viewer.window._qt_window.resize(1200, 500)
    bar = asking.area.verticalScrollBar()
    bar.setValue(0)
    click(15, 14)
    done(asking)
    top = asking.why.start.mapTo(asking.area.viewport(), QPoint()).y
    qtbot.waitUntil(lambda: top() <= 0)
    assert asking.why.members_words.visibleRegion().isEmpty() is False
    qtbot.wait(2 * LAID_OUT_MS)
    assert top() <= 0  # also of what came last
    bar.setValue(0)
    click(4, 20)
    done(asking)
    qtbot.wait(2 * LAID_OUT_MS)
    assert bar.value() == 0


def test_what_was_told_stays_in_gray_until_it_is_told_anew(asking, click, done) -> None:
    click(15, 14)
    done(asking)
    part = asking.why
    answers = part.members_words, part.members, part.channels, part.strokes
    seen = []
    asking.session.why.changed.connect(
        lambda: seen.append([(w.isHidden(), w.isEnabled()) for w in answers])
    )
    click(4, 20)
    done(asking)
    assert seen[0] == [(False, False)] * 4
    assert seen[-1] == [(False, True)] * 4
    assert not any(hidden for row in seen for hidden, _ in row)
