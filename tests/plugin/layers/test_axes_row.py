"""The row that names axes which a reader left unnamed."""

import numpy as np
import pytest
from gui_helpers import bright_bar

from napari_sciml.plugin.layers.axes_row import AS_THEY_ARE
from napari_sciml.plugin.layers.images import dims_for, voxel_size

pytestmark = pytest.mark.gui

OFFERED = {
    "channels or time": ((2, 5, 6, 7), None, ["czyx", "ctyx", "tzyx"]),
    "both": ((2, 3, 5, 6, 7), None, ["ctzyx"]),
    "frames": ((5, 6, 7), None, ["zyx", "tyx", "cyx"]),
    "length one": ((1, 2, 5, 6, 7), None, ["czyx", "ctyx", "tzyx"]),
    "some are named": ((2, 5, 6, 7), ("-4", "Z", "y", "x"), ["czyx", "tzyx"]),
    "a picture": ((6, 7), None, []),
    "one plane": ((1, 6, 7), None, []),
    "named": ((5, 6, 7), ("z", "y", "x"), []),
    "named oddly": ((2, 5, 6, 7), ("a", "z", "y", "x"), []),
    "very many": ((2, 2, 2, 2, 6, 7), None, []),
    "color": ((2, 5, 6, 3), None, ["zyx", "tyx"]),
}
WORDS = {"c": "channels", "t": "time"}


@pytest.fixture
def shown():
    """Give what the row offers for an image: None where it is hidden."""
    from napari.layers import Image
    from napari.qt import get_qapp
    from qtpy.QtWidgets import QFormLayout, QWidget

    from napari_sciml.plugin.layers.axes_row import AxesRow

    get_qapp()
    parent, row = QWidget(), AxesRow()
    form = QFormLayout(parent)
    form.addRow("Axes", row)
    row.belongs_to(form)

    def offer(shape, labels, rgb):
        layer = Image(np.zeros(shape, np.uint8), rgb=rgb, axis_labels=labels)
        row.follow(layer)
        assert row.parent() is parent  # which would take it along when forgotten
        assert row.isHidden() == form.labelForField(row).isHidden()
        return None if row.isHidden() else [row.itemText(i) for i in range(row.count())]

    return offer


def test_what_is_offered(shown) -> None:
    for case, (shape, labels, readings) in OFFERED.items():
        words = [", ".join(WORDS.get(axis, axis) for axis in one) for one in readings]
        wanted = [AS_THEY_ARE, *words] if words else None
        assert shown(shape, labels, case == "color") == wanted, case


def choose(row, words) -> None:
    row.setCurrentIndex(row.findText(words))
    row.activated.emit(row.currentIndex())


@pytest.mark.situation(
    "In the viewer",
    "axes that the file does not name",
    "they keep napari's numbers: choose at *Axes* in the Annotate dock what they "
    "are; *as they are* takes it back",
)
@pytest.mark.timeout(240)
def test_from_a_refusal_to_a_training(viewer, open_dock, patience) -> None:
    image, labels = bright_bar()
    layer = viewer.add_image(np.stack([image, -image]), scale=(1, 3, 2, 2))
    annotate, train = open_dock("Annotate"), open_dock("Train")
    session, row = annotate.session, annotate.axes
    annotate.start.click()
    assert '"Axes" in the Annotate dock' in annotate.error.text()
    assert row.currentText() == AS_THEY_ARE
    choose(row, "channels, z, y, x")
    assert layer.axis_labels == ("c", "z", "y", "x")
    assert (row.currentText(), row.isHidden()) == ("channels, z, y, x", False)
    assert annotate.error.text() == ""
    annotate.start.click()
    assert annotate.error.text() == ""
    assert session.workspace.annotation.layer.data.shape == image.shape
    where = np.nonzero(labels)
    session.workspace.annotation.write(
        np.ravel_multi_index(where, labels.shape), labels[where]
    )
    train.members.setValue(2)
    train.seconds.setValue(1)
    train.start.click()
    assert train.error.text() == ""
    assert session.training.running

    choose(row, AS_THEY_ARE)
    assert layer.axis_labels == ("-4", "-3", "-2", "-1")
    assert session.training.stopped
    assert session.workspace.annotation.layer is None
    patience(lambda: not session.workspace.runner.busy)
    layer.axis_labels = ("c", "z", "y", "x")  # as a script does
    assert row.currentText() == "channels, z, y, x"
    assert (
        session.workspace.annotation.layer
        is session.workspace.viewer.layers["Annotation"]
    )
    layer.axis_labels = ("a", "z", "y", "x")
    assert row.isHidden()


def test_frames_instead_of_a_volume(viewer, open_dock) -> None:
    units = ("s", "um", "um")
    layer = viewer.add_image(np.zeros((5, 16, 17)), scale=(9, 2, 3), units=units)
    annotate = open_dock("Annotate")
    annotate.start.click()
    painted = annotate.session.workspace.annotation.layer
    choose(annotate.axes, "z, y, x")
    assert annotate.session.workspace.annotation.layer is painted
    choose(annotate.axes, "time, y, x")
    assert dims_for(layer) == 2
    assert annotate.session.workspace.annotation.layer is painted
    assert voxel_size(layer) == ((9, 2, 3), "micrometer")
    choose(annotate.axes, "channels, y, x")
    assert annotate.session.workspace.annotation.layer is None
    annotate.start.click()
    assert annotate.session.workspace.annotation.layer.data.shape == (16, 17)


def test_a_closed_dock_misses_nothing(viewer, open_dock, patience) -> None:
    layer = viewer.add_image(np.zeros((2, 5, 16, 17)))
    dock = open_dock("Annotate")
    session = dock.session
    viewer.window.remove_dock_widget("all")
    patience(lambda: session._asleep)
    layer.axis_labels = ("c", "z", "y", "x")
    dock = open_dock("Annotate")
    assert dock.axes.isHidden()
    dock.start.click()
    assert dock.error.text() == ""
