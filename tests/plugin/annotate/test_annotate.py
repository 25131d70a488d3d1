"""The Annotate dock."""

import numpy as np
import pytest
from app_model.types import KeyBinding
from gui_helpers import bright_bar
from napari.layers import Labels

pytestmark = pytest.mark.gui


def press(layer: Labels, key: str) -> None:
    layer.keymap[KeyBinding.from_str(key)](layer)


def test_makes_an_annotation_that_lies_on_the_image(viewer, open_dock) -> None:
    angle = np.radians(20)
    turn = [
        [1, 0, 0],
        [0, np.cos(angle), np.sin(angle)],
        [0, -np.sin(angle), np.cos(angle)],
    ]
    image = viewer.add_image(
        bright_bar()[0],
        scale=(3, 2, 1),
        translate=(5, 6, 7),
        rotate=turn,
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
    )
    dock = open_dock("Annotate")
    dock.start.click()
    layer = viewer.layers["Annotation"]
    assert layer.data.dtype == np.uint8
    assert layer.data.shape == image.data.shape
    for name in ("scale", "translate", "rotate", "shear"):
        np.testing.assert_allclose(getattr(layer, name), getattr(image, name))
    assert layer.units == image.units
    assert layer.axis_labels == image.axis_labels
    assert (layer.mode, layer.selected_label) == ("paint", 2)
    assert viewer.layers.selection.active == layer
    assert "Not annotated yet" in dock.status.text()


def test_takes_the_annotation_that_is_there(session, open_dock, viewer) -> None:
    dock = open_dock("Annotate")
    dock.start.click()
    assert sum(isinstance(layer, Labels) for layer in viewer.layers) == 1
    assert dock.status.text() == "288 voxels in 12 strokes."
    assert dock.classes.item(1, 2).text() == "96"


def test_classes_are_chosen_by_click_and_key(session, open_dock) -> None:
    dock = open_dock("Annotate")
    layer = session.workspace.annotation.layer
    dock.classes.cellClicked.emit(0, 1)
    assert (layer.mode, layer.selected_label) == ("paint", 1)
    press(layer, "2")
    assert layer.selected_label == 2
    press(layer, "0")
    assert layer.mode == "erase"
    press(layer, "7")
    assert layer.selected_label == 2


def test_classes_are_added_and_renamed(session, open_dock) -> None:
    dock = open_dock("Annotate")
    dock.add_class.click()
    assert session.workspace.annotation.class_names == (
        "background",
        "fiber",
        "class 3",
    )
    dock.classes.item(2, 1).setText("void")
    assert session.workspace.annotation.layer.metadata["class_names"][2] == "void"
    dock.classes.item(2, 1).setText("fiber")
    assert "name of its own" in dock.error.text()
    assert session.workspace.annotation.class_names[2] == "void"


def test_brush_is_the_same_here_and_in_napari(session, open_dock) -> None:
    dock = open_dock("Annotate")
    dock.brush.setValue(9)
    assert session.workspace.annotation.layer.brush_size == 9
    session.workspace.annotation.layer.brush_size = 4
    assert dock.brush.value() == 4


def test_picker_follows_the_viewer(viewer, open_dock) -> None:
    dock = open_dock("Annotate")
    first = viewer.add_image(bright_bar()[0], name="first")
    viewer.add_image(bright_bar()[0], name="second")
    first.name = "renamed"
    texts = [dock.image.itemText(i) for i in range(dock.image.count())]
    assert texts == ["renamed", "second"]
    assert dock.image.currentText() == "renamed"
    viewer.layers.remove(first)
    assert dock.image.currentText() == dock.session.workspace.image.name == "second"


@pytest.mark.parametrize(
    ("add", "sentence"),
    [
        (lambda v: None, "There is no image"),
        (
            lambda v: v.add_image(np.zeros((2, 3, 8, 8)), axis_labels="tzyx"),
            "time series of volumes: choose a single time point",
        ),
        (lambda v: v.add_image(np.zeros((2, 3, 8, 8))), "4 axes"),
    ],
    ids=["none", "volumes", "4D"],
)
def test_says_which_images_cannot_be_used(viewer, open_dock, add, sentence) -> None:
    add(viewer)
    dock = open_dock("Annotate")
    dock.start.click()
    assert sentence in dock.error.text()
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_pyramids_and_dask_are_annotated_at_full_size(viewer, open_dock) -> None:
    import dask.array as da

    image = da.from_array(bright_bar()[0], chunks=8)
    viewer.add_image([image, image[::2, ::2, ::2]], multiscale=True)
    dock = open_dock("Annotate")
    dock.start.click()
    assert viewer.layers["Annotation"].data.shape == image.shape


def test_revision_follows_paint_undo_and_plugins(session, patience) -> None:
    annotation, layer = session.workspace.annotation, session.workspace.annotation.layer
    start = annotation.revision
    layer.paint((1, 1, 1), 2)
    assert annotation.revision == start + 1
    patience(lambda: not annotation.settling)
    assert annotation.revision == start + 1
    layer.undo()
    patience(lambda: annotation.revision == start + 2)
    layer.data[0, 0, 0] = 1
    layer.refresh()
    patience(lambda: annotation.revision == start + 3)
    layer.refresh()
    patience(lambda: not annotation.settling)
    assert annotation.revision == start + 3


def test_annotation_layer_deleted_and_brought_back(session, viewer, open_dock) -> None:
    dock = open_dock("Annotate")
    layer = session.workspace.annotation.layer
    viewer.layers.remove(layer)
    assert session.workspace.annotation.layer is None
    assert not dock.classes.isEnabled()
    viewer.add_layer(layer)
    assert session.workspace.annotation.layer == layer


def test_a_stroke_with_the_mouse_raises_the_revision(
    make_napari_viewer, qtbot, patience
) -> None:
    from qtpy.QtCore import QPoint, Qt

    from napari_sciml.plugin.session import ViewerSession

    viewer = make_napari_viewer(show=True)
    viewer.add_image(bright_bar()[0])
    _, dock = viewer.window.add_plugin_dock_widget("napari-sciml", "Annotate")
    dock.start.click()
    session = ViewerSession.of(viewer)
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.reset_view()
    viewer.screenshot(flash=False)
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    button = Qt.MouseButton.LeftButton
    qtbot.mouseMove(canvas, middle)
    qtbot.mousePress(canvas, button, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(12, 0))
    qtbot.mouseRelease(canvas, button, pos=middle + QPoint(12, 0))
    assert session.workspace.annotation.revision == 1
    patience(lambda: session.workspace.annotation.counts.voxels.get(2, 0) > 0)
    assert dock.classes.item(1, 3).text() == "1"
