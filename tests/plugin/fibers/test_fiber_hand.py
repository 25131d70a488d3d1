"""Fibers in the viewer: clicks, filters, colors, corrections by hand, undo."""

import numpy as np
import pytest

pytestmark = pytest.mark.gui

LOOK = 3


def four_bars() -> np.ndarray:
    mask = np.zeros((8, 40, 40), np.uint8)
    for y in (3, 12, 21, 30):
        mask[2:5, y : y + 4, 4 + y // 3 : 37] = 1
    return mask


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, open_dock, patience, qtbot):
    viewer.window._qt_window.resize(1200, 800)
    place = {"scale": (2, 1, 1), "translate": (4, 5, 6), "units": ("um",) * 3}
    viewer.add_image(np.random.default_rng(0).random((8, 40, 40)), **place)
    viewer.add_labels(four_bars(), name="mask", **place)
    made = open_dock("Fibers")
    made.measure.click()
    patience(lambda: not made.session.workspace.measuring.busy)
    assert made.error.text() == ""
    assert made.summary.text().startswith("4 fibers")
    viewer.dims.set_point(0, 4 + 2 * LOOK)
    viewer.reset_view()
    qtbot.wait(50)
    return made


@pytest.fixture
def click(click_world):
    """Click a voxel (y, x) of the shown slice."""

    def click_at(y: float, x: float, shift: bool = False, drag: int = 0) -> None:
        click_world((y + 5, x + 6), shift=shift, drag=drag)

    return click_at


def label_at(dock, y: int, x: int) -> int:
    return int(dock.session.fibers.result.labels[LOOK, y, x])


def selected(dock) -> list[str]:
    rows = dock.table.selectionModel().selectedRows()
    return [index.data() for index in rows]


def test_a_click_on_a_fiber_selects_its_row(dock, viewer, click) -> None:
    click(14, 20)
    label = label_at(dock, 14, 20)
    assert selected(dock) == [str(label)]
    assert viewer.layers["Fibers"].selected_label == label
    click(18, 20)  # beside any fiber: the choice stays
    assert selected(dock) == [str(label)]
    click(23, 20, drag=30)  # this pans
    assert selected(dock) == [str(label)]


def test_shift_and_click_add_and_remove(dock, click) -> None:
    click(14, 20)
    click(23, 20, shift=True)
    assert sorted(selected(dock)) == ["2", "3"]
    click(14, 20, shift=True)
    assert selected(dock) == ["3"]


def test_clicks_reach_fibers_in_3d_too(dock, viewer, click, qtbot) -> None:
    viewer.dims.ndisplay = 3
    viewer.scene.camera.angles = (0, 0, 90)
    viewer.reset_view()
    qtbot.wait(50)
    view = dock.session.fibers.view
    canvas = viewer.window._qt_viewer.canvas.native
    found = set()
    from qtpy.QtCore import QPoint, Qt

    for y in range(30, canvas.height() - 30, 12):
        at = QPoint(canvas.width() // 2, y)
        qtbot.mouseMove(canvas, at)
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        found.update(view.chosen)
    assert found == {1, 2, 3, 4}


def test_filters_hide_without_losing(dock, viewer, qtbot, patience) -> None:
    view, layer = dock.session.fibers.view, viewer.layers["Fibers"]
    lengths = view.table["length"].to_numpy()
    dock.tabs.setCurrentIndex(1)
    dock.filters.sliders["length"].setValue((0, float(np.sort(lengths)[1] + 0.5)))
    assert dock.summary.text().startswith("2 of 4 fibers")
    assert dock.table.model().rowCount() == 2
    hidden = view.table["label"][~view.shown].tolist()
    for label in (1, 2, 3, 4):
        assert layer.get_color(label)[3] == (0 if label in hidden else 1)
    assert set(np.unique(layer.data)) == {0, 1, 2, 3, 4}
    # The plots follow, and intervals come when the slider rests.
    patience(lambda: dock.plots.directions._points.data.size == 4)
    patience(lambda: "\N{EN DASH}" in dock.plots.numbers.text())
    dock.filters.clear.click()
    assert dock.summary.text().startswith("4 fibers")
    assert all(layer.get_color(label)[3] == 1 for label in (1, 2, 3, 4))


def test_hidden_fibers_are_not_clicked(dock, click) -> None:
    lengths = dock.session.fibers.view.table["length"]
    dock.filters.sliders["length"].setValue((0, float(lengths.max() - 1)))
    click(4, 20)  # the longest
    assert selected(dock) == []
    click(32, 20)
    assert selected(dock) == ["4"]


def test_filters_by_angle_border_and_what_is_unknown(dock) -> None:
    filters = dock.filters
    filters.axis.setCurrentIndex(2)  # all lie along x
    filters.sliders["angle"].setValue((10, 90))
    assert dock.summary.text().startswith("0 of 4 fibers")
    assert "hide all" in dock.plots.numbers.text() or not dock.plots.redraw()
    filters.axis.setCurrentIndex(0)
    assert dock.summary.text().startswith("4 fibers")
    assert filters.sliders["confidence"].isHidden()


def test_handles_at_the_ends_leave_nothing_out(dock) -> None:
    """Also where the extreme values are those of the ends, as whole numbers are."""
    view = dock.session.fibers.view
    volumes = view.table["volume"]
    assert volumes.max() == round(volumes.max())
    slider = dock.filters.sliders["volume"]
    slider.setValue((float(volumes.min() + 1), slider.maximum()))
    assert view.shown.sum() == (volumes > volumes.min() + 1).sum()
    assert view.shown[volumes.argmax()]
    slider.setValue((slider.minimum(), float(volumes.max() - 1)))
    assert view.shown[volumes.argmin()]
    assert not view.shown[volumes.argmax()]


@pytest.mark.parametrize("by", ["Number", "Length", "Direction", "Diameter"])
def test_colors(dock, viewer, by: str) -> None:
    dock.colors.by.setCurrentText(by)
    assert dock.colors.bar.isVisibleTo(dock.colors) == (by in ("Length", "Diameter"))
    assert dock.colors.key.isVisibleTo(dock.colors) == (by == "Direction")
    colors = [viewer.layers["Fibers"].get_color(n)[:3] for n in (1, 4)]
    if by == "Direction":
        np.testing.assert_allclose(colors, [(1, 0, 0), (1, 0, 0)], atol=0.1)
    else:
        assert np.abs(np.subtract(*colors)).max() > 0.2
    if by == "Length":
        assert dock.colors.bar.texts[1].endswith("µm")


def test_confidence_is_unknown_without_a_prediction(dock) -> None:
    dock.colors.by.setCurrentText("Confidence")
    assert "unknown" in dock.colors.bar.texts[1]


def test_deletes_and_takes_it_back(dock, viewer, click) -> None:
    before = dock.session.fibers.result
    click(14, 20)
    dock.tools.delete.click()
    assert dock.told.text() == "Done: delete fiber 2."
    assert dock.summary.text().startswith("3 fibers")
    assert not (viewer.layers["Fibers"].data == 2).any()
    assert selected(dock) == []
    dock.tools.undo.click()
    assert dock.told.text() == "Undone: delete fiber 2."
    assert dock.session.fibers.result.table.equals(before.table)
    dock.tools.redo.click()
    assert dock.summary.text().startswith("3 fibers")
    assert viewer.layers["Fibers"].features["index"].tolist() == [1, 3, 4]


def test_merges_what_is_selected(dock, viewer, click) -> None:
    assert not dock.tools.merge.isEnabled()
    click(14, 20)
    click(23, 20, shift=True)
    dock.tools.merge.click()
    assert dock.summary.text().startswith("3 fibers")
    assert label_at(dock, 23, 20) == label_at(dock, 14, 20) == 2
    assert selected(dock) == ["2"]


def test_cuts_where_it_is_clicked(dock, viewer, click) -> None:
    dock.tools.cut.click()
    assert dock.told.text().startswith("Click a fiber")
    click(14, 30)
    assert dock.summary.text().startswith("5 fibers")
    assert label_at(dock, 14, 34) == 5
    assert label_at(dock, 14, 20) == 2
    assert sorted(selected(dock)) == ["2", "5"]
    assert not dock.tools.cut.isChecked()
    click(4, 20)  # only one click cuts
    assert dock.summary.text().startswith("5 fibers")


def test_cutting_beside_a_fiber_says_so(dock, click) -> None:
    dock.tools.cut.click()
    click(18, 20)
    assert "no fiber where you clicked" in dock.error.text()
    assert dock.tools.cut.isChecked()
    click(14, 30)
    assert dock.error.text() == ""
    assert dock.summary.text().startswith("5 fibers")


def paint(layer, qtbot) -> None:
    layer.data_setitem((np.array([3, 3]), np.array([18, 18]), np.array([5, 6])), 9)


def test_strokes_are_measured_and_undone(dock, viewer, patience, qtbot) -> None:
    layer = viewer.layers["Fibers"]
    paint(layer, qtbot)
    patience(lambda: dock.summary.text().startswith("5 fibers"))
    assert dock.told.text() == "Done: paint."
    table = dock.session.fibers.result.table
    assert table["voxels"][table["label"] == 9].item() == 2
    layer.undo()  # napari's own way back is empty: ours knows all
    assert (layer.data == 9).sum() == 2
    dock.tools.undo.click()
    assert not (layer.data == 9).any()
    assert dock.summary.text().startswith("4 fibers")


def test_a_brush_is_noticed_too(dock, viewer, click, patience) -> None:
    layer = viewer.layers["Fibers"]
    viewer.layers.selection.active = layer
    layer.selected_label, layer.brush_size, layer.mode = 2, 5, "paint"
    voxels = int((layer.data == 2).sum())
    click(18, 20)
    patience(lambda: dock.told.text() == "Done: paint.")
    table = dock.session.fibers.result.table
    assert table["voxels"][table["label"] == 2].item() > voxels
    assert str(layer.mode) == "paint"
    dock.tools.undo.click()
    assert (layer.data == 2).sum() == voxels


def test_keys_undo_in_the_image_and_in_the_dock(dock, viewer, click, qtbot) -> None:
    from qtpy.QtCore import Qt

    viewer.layers.selection.active = viewer.layers["Fibers"]
    click(14, 20)
    dock.tools.delete.click()
    control = Qt.KeyboardModifier.ControlModifier
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_Z, control)
    assert dock.summary.text().startswith("4 fibers")
    qtbot.keyClick(canvas, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert dock.summary.text().startswith("3 fibers")
    viewer.window._qt_window.activateWindow()
    dock.table.setFocus()
    qtbot.waitUntil(dock.table.hasFocus, timeout=20_000)
    qtbot.keyClick(dock.table, Qt.Key.Key_Z, control)
    assert dock.summary.text().startswith("4 fibers")


def test_the_delete_key_works_in_the_table(dock, viewer, click, qtbot) -> None:
    from qtpy.QtCore import Qt

    click(14, 20)
    qtbot.keyClick(dock.table, Qt.Key.Key_Delete)
    assert dock.summary.text().startswith("3 fibers")


def test_other_labels_in_the_layer_are_taken_in(dock, viewer) -> None:
    layer = viewer.layers["Fibers"]
    other = layer.data.copy()
    other[other == 2] = 3
    layer.data = other
    assert dock.summary.text().startswith("3 fibers")
    dock.tools.undo.click()
    assert dock.summary.text().startswith("4 fibers")
    assert set(np.unique(layer.data)) == {0, 1, 2, 3, 4}
    layer.data = np.zeros((3, 4, 5), np.uint8)
    assert "do not fit" in dock.error.text()


def test_filters_hold_after_corrections(dock, click) -> None:
    lengths = dock.session.fibers.view.table["length"]
    dock.filters.sliders["length"].setValue((0, float(lengths.max() - 1)))
    assert dock.summary.text().startswith("3 of 4 fibers")
    click(14, 20)
    dock.tools.delete.click()
    assert dock.summary.text().startswith("2 of 3 fibers")


def test_clicks_end_with_the_dock(dock, viewer, click, qtbot) -> None:
    session, listeners = dock.session, len(viewer.mouse_drag_callbacks)
    session.close()
    click(14, 20)
    assert session.fibers.view.chosen == ()
    assert len(viewer.mouse_drag_callbacks) == listeners - 1


def test_thousands_of_fibers_stay_quick(viewer, open_dock) -> None:
    """Coloring, filtering, sorting and selecting 15,000 fibers."""
    from time import thread_time  # of the GUI thread, however busy the machine

    import pandas as pd
    from qtpy.QtCore import Qt

    from napari_sciml.fibers.config import FiberConfig
    from napari_sciml.fibers.geometry.measure import measure_fibers
    from napari_sciml.fibers.geometry.remeasure import find_boxes
    from napari_sciml.fibers.statistics.summary import summarize
    from napari_sciml.workflows.measuring.arrays import FibersMeasured

    count = 15_000
    rng = np.random.default_rng(0)
    labels = np.arange(1, count + 1, dtype=np.uint16).reshape(60, 250)
    one = measure_fibers(np.ones((2, 2), np.uint8))
    table = pd.concat([one] * count, ignore_index=True)
    table["label"] = np.arange(1, count + 1)
    table["length"] = rng.random(count)
    lines = np.zeros((count, 33, 3), np.float32)
    viewer.add_labels(labels, name="mask")
    dock = open_dock("Fibers")
    run = dock.session.fibers
    run._next = viewer.layers["mask"], None
    summary = summarize(table, labels.shape)
    config = FiberConfig()
    boxes = find_boxes(labels)
    run._take(
        FibersMeasured(labels, table, lines, summary, "pixel", (1, 1), config, boxes)
    )
    acts = {
        "color": lambda: dock.colors.by.setCurrentText("Length"),
        "filter": lambda: dock.filters.sliders["length"].setValue((0.2, 0.8)),
        "sort": lambda: dock.table.sortByColumn(1, Qt.SortOrder.DescendingOrder),
        "select": lambda: run.view.choose((7,), go=True),
        "plot": dock.plots.redraw,
    }
    for name, act in acts.items():
        start = thread_time()
        act()
        assert thread_time() - start < 0.3, name


def test_measuring_again_asks_before_corrections_are_lost(
    dock, viewer, click, patience, monkeypatch
) -> None:
    from qtpy.QtWidgets import QMessageBox

    click(14, 20)
    dock.tools.delete.click()
    no, yes = QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: no)
    dock.measure.click()
    assert not dock.session.fibers.running
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.summary.text().startswith("4 fibers")
    assert not dock.tools.undo.isEnabled()


def test_unknown_numbers_come_last(qtbot) -> None:
    import pandas as pd
    from qtpy.QtCore import Qt

    from napari_sciml.plugin.fibers.table import FiberTable

    table = FiberTable()
    qtbot.addWidget(table)
    spacing = [2.0, np.nan, 1.0]
    table.show_fibers(pd.DataFrame({"label": [1, 2, 3], "spacing": spacing}), "um", 3)
    model = table.model()
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Spacing\nµm"
    for order, labels in (
        (Qt.SortOrder.AscendingOrder, [3, 1, 2]),
        (Qt.SortOrder.DescendingOrder, [1, 3, 2]),
    ):
        table.sortByColumn(1, order)
        assert model.labels.tolist() == labels
    assert model.index(2, 1).data() == "\N{EN DASH}"
