"""The classes in the Annotate dock: table, menu, colors, files."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QInputDialog

from napari_sciml.annotation.classes import DEFAULT_COLORS
from napari_sciml.plugin.annotate.class_list import NAME

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(session, open_dock):
    return open_dock("Annotate")


def act(menu, name):
    """Choose an entry of a menu, as a click would."""
    menu.aboutToShow.emit()
    for action in menu.actions():
        if name in (action.objectName(), action.text()):
            action.trigger()
            return
    raise LookupError(name)


def icon_color(dock, row, mode):
    from qtpy.QtGui import QIcon

    icon = dock.classes.item(row, NAME).icon()
    return icon.pixmap(14, 14, getattr(QIcon.Mode, mode)).toImage().pixelColor(7, 7)


def test_a_class_is_added_with_its_name_open_for_change(dock, session) -> None:
    dock.add_class.click()
    assert dock.classes.state() == dock.classes.State.EditingState
    assert session.workspace.annotation.class_names[2] == "class 3"
    assert session.workspace.annotation.layer.selected_label == 3
    session.workspace.annotation.layer.paint((1, 1, 1), 3)
    session.workspace.annotation.look_again()
    assert dock.classes.state() == dock.classes.State.EditingState
    assert dock.classes.item(2, 2).text() == session_count(session, 3)


def session_count(session, label):
    return str(session.workspace.annotation.counts.voxels[label])


def test_no_more_classes_than_keys(dock, session) -> None:
    for _ in range(7):
        dock.add_class.click()
    assert (len(session.workspace.annotation.classes), dock.error.text()) == (9, "")
    dock.add_class.click()
    assert "More than 9" in dock.error.text()
    act(dock.class_menu, "remove_class")
    assert dock.error.text() == ""
    dock.add_class.click()
    assert len(set(session.workspace.annotation.class_names)) == 9


def test_the_color_of_a_class_reaches_every_layer(dock, trained) -> None:
    session = trained
    session.sure.keep()
    dock.class_menu.recolor(2, "#12ab34")
    rgb = np.array([0x12, 0xAB, 0x34]) / 255
    layers = session.workspace.layers
    np.testing.assert_allclose(
        session.workspace.annotation.layer.get_color(2)[:3], rgb, atol=0.01
    )
    probability = layers.get("Probability fiber").colormap
    np.testing.assert_allclose(probability.colors[-1][:3], rgb, atol=0.01)
    mask = layers.get("Confident fiber")
    np.testing.assert_allclose(mask.get_color(2)[:3], rgb, atol=0.01)
    assert session.workspace.annotation.layer.metadata["class_colors"][1] == "#12ab34"
    for mode in ("Normal", "Selected"):
        assert icon_color(dock, 1, mode) == QColor("#12ab34")


def test_classes_come_back_with_their_layer(dock, session, viewer) -> None:
    dock.class_menu.recolor(1, "#000001")
    dock.class_menu.rename(1, "matrix")
    layer = session.workspace.annotation.layer
    viewer.layers.remove(layer)
    session.workspace.annotation.set_classes(
        session.workspace.annotation.classes.renamed(1, "other")
    )
    viewer.add_layer(layer)
    assert session.workspace.annotation.classes.names[0] == "matrix"
    assert session.workspace.annotation.classes.colors[0] == "#000001"
    assert dock.classes.item(0, NAME).text() == "matrix"


def test_remove_and_merge_from_the_menu(dock, session) -> None:
    layer, before = (
        session.workspace.annotation.layer,
        session.workspace.annotation.snapshot(),
    )
    session.workspace.choose_class(1)
    dock.class_menu.aboutToShow.emit()
    assert [action.text() for action in dock.class_menu.merge.actions()] == ["fiber"]
    act(dock.class_menu.merge, "fiber")
    assert session.workspace.annotation.class_names == ("fiber",)
    assert np.array_equal(layer.data, before > 0)
    assert "part of 'fiber'" in dock.hint.text()
    dock.class_menu.aboutToShow.emit()
    remove = next(
        action
        for action in dock.class_menu.actions()
        if action.objectName() == "remove_class"
    )
    assert not remove.isEnabled()
    layer.undo()
    assert session.workspace.annotation.class_names == ("background", "fiber")
    assert dock.classes.rowCount() == 2
    assert np.array_equal(session.workspace.annotation.snapshot(), before)
    assert session.workspace.annotation.classes.colors == DEFAULT_COLORS[:2]


def test_right_click_chooses_the_class(dock, session, qtbot) -> None:
    place = dock.classes.visualItemRect(dock.classes.item(0, NAME)).center()
    dock.classes.customContextMenuRequested.emit(QPoint(place))
    assert session.workspace.annotation.layer.selected_label == 1
    assert dock.class_menu.label == 1
    dock.class_menu.close()
    act(dock.class_menu, "rename_class")
    assert dock.classes.state() == dock.classes.State.EditingState


def test_the_balance_of_the_classes(dock, session) -> None:
    assert dock.balance.text() == "Background : foreground = 2 : 1"
    session.workspace.annotation.layer.data[...] = 0
    session.workspace.annotation.look_again()
    assert not dock.balance.isVisibleTo(dock)
    assert "Not annotated yet" in dock.status.text()


def test_classes_as_files(dock, session, tmp_path) -> None:
    path = str(tmp_path / "classes.csv")
    dock.files.export_classes(path)
    dock.class_menu.rename(2, "wire")
    dock.files.import_classes(path)
    assert session.workspace.annotation.class_names == ("background", "fiber")
    (tmp_path / "classes.csv").write_text("label,name,color\n1,only,\n")
    dock.files._do(dock.files.import_classes, path)
    assert "labeled 2" in dock.error.text()


@pytest.mark.parametrize("name", ["labels.tif", "labels.zarr", "labels.npy"])
def test_labels_as_files(dock, session, tmp_path, patience, name) -> None:
    annotation, path = session.workspace.annotation, str(tmp_path / name)
    before = annotation.snapshot()
    dock.files.export_labels(path)
    patience(lambda: not dock.files.runner.busy)
    assert name in dock.hint.text()
    annotation.layer.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)
    dock.files.import_labels(path)
    patience(lambda: not dock.files.runner.busy)
    assert "1 voxels have another label" in dock.hint.text()
    assert np.array_equal(annotation.snapshot(), before)
    annotation.layer.undo()
    assert annotation.snapshot()[0, 0, 0] == 2


@pytest.mark.parametrize(("name", "kept"), [("l.tif", 1), ("l.npy", 12)])
def test_files_keep_which_strokes_correct(
    dock, session, tmp_path, patience, name, kept
) -> None:
    """Of twelve strokes; after a prediction was shown, a file without a word is all."""
    workspace, path = session.workspace, str(tmp_path / name)
    labels = workspace.annotation.layer

    def tell(number):
        workspace.annotations.painted_before(workspace.image, number)

    def use(action):
        action(path)
        patience(lambda: not dock.files.runner.busy)

    tell(1)
    use(dock.files.export_labels)
    assert ("--before 1" in dock.hint.text()) == (name == "l.npy")
    tell(7)
    use(dock.files.import_labels)
    known = kept if kept == 1 else 7  # nothing was replaced
    assert workspace.strokes_before == known
    labels.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)
    labels.undo()
    workspace.annotation.look_again()
    assert workspace.strokes_before == known, "no import was taken back"
    tell(7)
    labels.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)
    use(dock.files.import_labels)
    assert workspace.strokes_before == kept
    labels.undo()
    workspace.annotation.look_again()
    assert workspace.strokes_before == 7, "Ctrl-Z takes that back, too"
    use(dock.files.import_labels)
    tell(3)  # by a training
    labels.undo()
    workspace.annotation.look_again()
    assert workspace.strokes_before == 3


def test_before_any_picture_a_file_without_a_word_tells_nothing(
    dock, session, tmp_path, patience
) -> None:
    workspace, path = session.workspace, str(tmp_path / "l.npy")
    workspace.annotations.painted_before(workspace.image, 99)
    dock.files.export_labels(path)
    patience(lambda: not dock.files.runner.busy)
    assert "--before" not in dock.hint.text(), "all strokes were painted in advance"
    workspace.annotations.painted_before(workspace.image, None)
    labels = workspace.annotation.layer
    labels.data_setitem((np.array([0]), np.array([0]), np.array([0])), 2)
    dock.files.import_labels(path)
    patience(lambda: not dock.files.runner.busy)
    assert workspace.strokes_before is None


def test_while_a_training_runs_nothing_is_imported(
    dock, session, tmp_path, patience
) -> None:
    from napari_sciml.training.config import TrainingConfig

    path = str(tmp_path / "l.tif")
    dock.files.export_labels(path)
    patience(lambda: not dock.files.runner.busy)
    session.training.start(TrainingConfig(members=1, seconds=30))
    dock.files._do(dock.files.import_labels, path)
    assert "stop it, import them, and train again" in dock.error.text()
    session.training.stop()
    patience(lambda: not session.training.running)
    dock.files.import_labels(path)
    patience(lambda: not dock.files.runner.busy)
    assert "0 voxels have another label" in dock.hint.text()


def test_a_large_import_takes_another_array(session, monkeypatch) -> None:
    from napari_sciml.plugin.state.labels import annotation as module

    annotation = session.workspace.annotation
    monkeypatch.setattr(module, "UNDOABLE", 10)
    labels = np.ones_like(annotation.snapshot())
    every = np.arange(labels.size)
    assert not annotation.replace(labels, every, labels.reshape(-1))
    annotation.layer.undo()
    assert annotation.snapshot().all()


def answer(text: str | None, seen: list) -> None:
    """Fill in the next question, or cancel it, as soon as it is there."""
    question = QApplication.activeModalWidget()
    if not isinstance(question, QInputDialog):
        QTimer.singleShot(20, lambda: answer(text, seen))
        return
    seen.append((question.labelText(), question.textValue()))
    if text is None:
        question.reject()
        return
    question.setTextValue(text)
    question.accept()


@pytest.mark.parametrize(
    ("given", "values"),
    [("127:1,255:2", {0, 1, 2}), ("127:2,255:0", {0, 2}), (None, None)],
)
def test_labels_of_another_program_are_asked_about(
    dock, session, tmp_path, patience, given, values
) -> None:
    before = session.workspace.annotation.snapshot()
    labels = np.zeros(before.shape, np.uint8)
    labels[3, :5], labels[4, :5] = 127, 255
    np.save(tmp_path / "a.npy", labels)
    seen: list = []
    answer(given, seen)
    dock.files.import_labels(str(tmp_path / "a.npy"))
    patience(lambda: bool(seen) and not dock.files.runner.busy)
    [(asked, suggested)] = seen
    assert "hold 127 (160 voxels) and 255 (160)" in asked
    assert "1 = background, 2 = fiber" in asked
    assert suggested == "127:1,255:2"
    after = session.workspace.annotation.snapshot()
    assert np.array_equal(after, before) if given is None else set(after.flat) == values
    assert dock.error.text() == ""


def test_a_map_that_cannot_be_read_is_explained(
    dock, session, tmp_path, patience
) -> None:
    np.save(tmp_path / "a.npy", np.full((16, 32, 32), 7, np.uint8))
    seen: list = []
    answer("7 is fiber", seen)
    dock.files.import_labels(str(tmp_path / "a.npy"))
    patience(lambda: bool(dock.error.text()))
    assert "cannot be read: give value:class" in dock.error.text()


def test_labels_that_do_not_fit_are_explained(
    dock, session, tmp_path, patience
) -> None:
    np.save(tmp_path / "a.npy", np.full((16, 32, 31), 1, np.uint8))
    dock.files.import_labels(str(tmp_path / "a.npy"))
    patience(lambda: not dock.files.runner.busy)
    assert "shape (16, 32, 31)" in dock.error.text()
    dock.files._do(dock.files.export_labels, str(tmp_path / "a.jpg"))
    assert "extension" in dock.error.text()


def test_every_control_says_what_it_does(dock) -> None:
    controls = (
        *(dock.add_class, dock.change_class, dock.file_button, dock.eraser),
        *(dock.previous, dock.next, dock.fill, dock.brush, dock.classes),
    )
    for control in controls:
        assert control.objectName()
        assert control.toolTip()
    for menu in (dock.files, dock.class_menu):
        assert menu.toolTipsVisible()
    assert dock.classes.contextMenuPolicy() == Qt.ContextMenuPolicy.CustomContextMenu
