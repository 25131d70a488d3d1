"""The Fibers dock: run, table, export."""

import json

import numpy as np
import pandas as pd
import pytest

from napari_sciml.fibers.config import FiberConfig

pytestmark = pytest.mark.gui


def two_bars() -> np.ndarray:
    mask = np.zeros((12, 20, 40), np.uint8)
    mask[2:5, 3:6, 2:38] = mask[8:11, 12:15, 10:30] = 1
    mask[6, 18, 1] = 1
    return mask


@pytest.fixture
def dock(viewer, open_dock):
    viewer.add_labels(two_bars(), name="mask", scale=(2, 2, 2), units=("um",) * 3)
    return open_dock("Fibers")


@pytest.fixture
def measured(dock, patience):
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.error.text() == ""
    return dock


def click_row(qtbot, dock, row: int, modifier=None) -> None:
    from qtpy.QtCore import Qt

    index = dock.table.model().index(row, 0)
    qtbot.mouseClick(
        dock.table.viewport(),
        Qt.MouseButton.LeftButton,
        modifier or Qt.KeyboardModifier.NoModifier,
        dock.table.visualRect(index).center(),
    )


def test_measures_in_the_units_of_the_layer(measured, viewer) -> None:
    assert measured.form.size.text() == "2 x 2 x 2 µm"
    assert measured.summary.text() == "2 fibers, 0 at the border of the image."
    layer = viewer.layers["Fibers"]
    assert layer.scale.tolist() == [2, 2, 2]
    assert layer.features["index"].tolist() == [1, 2]
    assert not viewer.layers["mask"].visible
    table = measured.session.fibers.result.table
    np.testing.assert_allclose(table["length"], [72, 40], rtol=0.05)
    # All that is measured is in the features, whatever the table shows.
    assert set(layer.features) == {*table.columns, "index"} - {"label"}
    assert "µm" in measured.plots.numbers.text()


def test_tells_the_stages_and_how_much_is_done(dock, patience) -> None:
    told = []
    run = dock.session.fibers
    run.changed.connect(lambda: told.append((run.stage, run.done)))
    dock.measure.click()
    assert dock.measure.text() == "Stop"
    assert dock.progress.isVisibleTo(dock)
    patience(lambda: not dock.session.workspace.measuring.busy)
    words = [text for text, _ in told]
    assert "Taking touching fibers apart …" in words
    assert "Measuring 2 fibers …" in words
    assert dock.measure.text() == "Measure fibers"
    assert not dock.progress.isVisibleTo(dock)


def test_stopping_keeps_what_there_was(measured, viewer, patience) -> None:
    before = measured.session.fibers.result
    measured.measure.click()
    measured.measure.click()
    assert measured.summary.text() == "Stopping …"
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.session.fibers.result is before
    assert measured.summary.text().startswith("2 fibers")
    assert measured.error.text() == ""
    measured.measure.click()
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.session.fibers.result is not before


def test_a_row_leads_to_its_fiber(measured, viewer, qtbot) -> None:
    click_row(qtbot, measured, 1)
    assert viewer.layers["Fibers"].selected_label == 2
    assert not viewer.layers["Fibers"].show_selected_label
    assert viewer.dims.point[0] == pytest.approx(2 * 9, abs=1)
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (26, 39), atol=1)
    # The selected one is white.
    color = viewer.layers["Fibers"].get_color(2)
    np.testing.assert_allclose(color, (1, 1, 1, 1))


def test_a_picked_fiber_leads_to_its_row(measured, viewer) -> None:
    layer = viewer.layers["Fibers"]
    layer.mode = "pick"
    layer.selected_label = 2
    row = measured.table.selectionModel().selectedRows()[0].row()
    assert measured.table.model().index(row, 0).data() == "2"


def test_sorting_keeps_rows_and_fibers_together(measured, viewer, qtbot) -> None:
    from qtpy.QtCore import Qt

    measured.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    click_row(qtbot, measured, 0)
    assert viewer.layers["Fibers"].selected_label == 2
    measured.table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert measured.table.selectionModel().selectedRows()[0].row() == 1


def test_exports_all(measured, tmp_path, patience) -> None:
    told = "slices 3 to 5 are missing"
    measured.session.fibers.mask.metadata["cautions"] = (told,)
    measured.export_to(tmp_path / "fibers")
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.error.text() == ""
    names = {path.name for path in (tmp_path / "fibers").iterdir()}
    wanted = {"fibers.csv", "labels.tif", "summary.json", "report.html"}
    assert names >= wanted | {"lengths.png", "directions.svg", "overview.png"}
    assert len(pd.read_csv(tmp_path / "fibers/fibers.csv")) == 2
    numbers = json.loads((tmp_path / "fibers/summary.json").read_text())
    assert numbers["fibers"] == 2
    assert numbers["shown"] == {"fibers": 2, "of": 2, "filter": ""}
    assert numbers["cautions"] == [told]
    report = (tmp_path / "fibers/report.html").read_text("utf-8")
    assert "Fibers of mask" in report
    assert told in report
    assert measured.told.text() == f"2 fibers written to {tmp_path / 'fibers'}."


def test_exports_what_is_shown_and_says_so(measured, tmp_path, patience) -> None:
    from napari_sciml.io.images.reading import open_volume

    measured.filters.sliders["length"].setValue((50, 100))
    measured.export.format.setCurrentText("OME-Zarr")
    measured.export_to(tmp_path / "fibers")
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.error.text() == ""
    folder = tmp_path / "fibers"
    assert pd.read_csv(folder / "fibers.csv")["label"].tolist() == [1]
    numbers = json.loads((folder / "summary.json").read_text())
    assert (numbers["shown"]["fibers"], numbers["shown"]["of"]) == (1, 2)
    assert numbers["shown"]["filter"].startswith("length 50 to ")
    assert "shown of 2 fibers: length 50" in (folder / "report.html").read_text("utf-8")
    labels = np.asarray(open_volume(folder / "labels.zarr").data[:])
    assert set(np.unique(labels)) == {0, 1}
    assert measured.told.text().startswith("1 of 2 fibers written")
    # In the viewer nothing is lost.
    assert set(np.unique(measured.session.fibers.result.labels)) == {0, 1, 2}


def test_export_says_why_not(measured, tmp_path, patience) -> None:
    (tmp_path / "fibers").write_text("in the way")
    measured.export_to(tmp_path / "fibers" / "deeper")
    patience(lambda: bool(measured.error.text()))
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert "written" in measured.error.text()
    measured.filters.sliders["length"].setValue((45, 50))
    measured.export_to(tmp_path / "other")
    assert "filters hide all fibers" in measured.error.text()


def test_measures_again_with_other_settings(measured, viewer, patience) -> None:
    measured.form.dust.setValue(1)
    measured.measure.click()
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.summary.text().startswith("2 fibers")  # the third is a grain
    measured.form.slenderness.setValue(0)
    measured.measure.click()
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.summary.text().startswith("3 fibers")
    assert viewer.layers["Fibers"].data.max() == 3


def test_dust_by_volume(measured, patience) -> None:
    form = measured.form
    form.dust_unit.setCurrentIndex(1)
    assert form.dust_unit.currentText() == "µm³"
    assert form.dust_volume.value() == FiberConfig().dust * 8
    form.dust_volume.setValue(8 * 200)  # the shorter bar has 180 voxels
    assert form.config.dust_volume == 1600
    measured.measure.click()
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.summary.text().startswith("1 fiber")
    form.dust_unit.setCurrentIndex(0)
    assert form.dust.value() == 200
    assert form.config.dust_volume is None


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (None, "There is no mask"),
        (np.zeros((4, 8, 8), np.uint8), "mask is empty"),
        (np.arange(64, dtype=np.uint8).reshape(4, 4, 4), "more values than two"),
        (np.ones((2, 2, 8, 8), np.uint8), "has 4 axes: choose a mask with the axes"),
        (
            np.eye(8, dtype=np.uint8)[None] * np.eye(1, 8)[0].astype(np.uint8)[:, None],
            f"No fiber is left of the mask: all is under {FiberConfig().dust} voxels",
        ),
    ],
    ids=["none", "empty", "classes", "4D", "one voxel"],
)
def test_bad_masks(viewer, open_dock, patience, mask, sentence: str) -> None:
    if mask is not None:
        viewer.add_labels(mask)
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: bool(dock.error.text()))
    assert sentence in dock.error.text()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.measure.isEnabled()
    assert dock.measure.text() == "Measure fibers"


def test_one_voxel_is_a_fiber_if_you_insist(viewer, open_dock, patience) -> None:
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[2, 3, 3] = 1
    viewer.add_labels(mask)
    dock = open_dock("Fibers")
    dock.form.dust.setValue(0)
    dock.form.slenderness.setValue(0)
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.summary.text().startswith("1 fiber, 0 at the border")
    # What cannot be told of it is a dash, and no limit of a filter.
    model = dock.table.model()
    cells = {
        model.headerData(i, _horizontal()).split("\n")[0]: model.index(0, i).data()
        for i in range(model.columnCount())
    }
    assert cells["Spacing"] == "\N{EN DASH}"
    dock.tabs.setCurrentIndex(1)
    dock.filters.whole.setChecked(True)
    assert dock.summary.text().startswith("1 fiber")


def _horizontal():
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


def test_2d_masks(viewer, open_dock, patience) -> None:
    viewer.add_labels(two_bars()[3], name="mask")
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.summary.text().startswith("1 fiber")
    assert dock.table.model().headerData(2, _horizontal()) == "Diameter\nvoxels"
    assert dock.filters.axis.currentText() == "Angle to x (°)"
    assert "along z" not in dock.colors.key.text()
    assert dock.filters._captions["volume"].text() == "Area (voxels)"


def test_the_layer_can_be_deleted_and_comes_back(measured, viewer, qtbot) -> None:
    viewer.layers.remove("Fibers")
    assert "layer is deleted" in measured.summary.text()
    click_row(qtbot, measured, 1)  # leads nowhere, and breaks nothing
    measured.tools.delete.click()
    assert "Show layer" in measured.error.text()
    assert len(measured.session.fibers.result.table) == 2
    measured.show_layer.click()
    assert viewer.layers["Fibers"].data.max() == 2
    assert not measured.show_layer.isVisibleTo(measured)
    click_row(qtbot, measured, 0)
    measured.tools.delete.click()
    assert measured.summary.text().startswith("1 fiber")


def test_the_mask_can_be_deleted_meanwhile(dock, viewer, patience) -> None:
    dock.measure.click()
    viewer.layers.remove("mask")
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.error.text() == ""
    assert viewer.layers["Fibers"].scale.tolist() == [2, 2, 2]


def test_names_and_images_may_change(measured, viewer, qtbot) -> None:
    viewer.layers["Fibers"].name = "mine"
    first = viewer.add_image(np.zeros((4, 5, 6)), name="other")
    measured.session.workspace.choose_image(first)
    click_row(qtbot, measured, 1)
    layer = viewer.layers["mine"]
    assert layer.selected_label == 2
    measured.tools.delete.click()
    assert set(np.unique(layer.data)) == {0, 1}
    measured.tools.undo.click()
    assert set(np.unique(layer.data)) == {0, 1, 2}
    assert measured.error.text() == ""


def test_layers_lie_where_the_mask_lies(viewer, open_dock, patience) -> None:
    place = {
        "scale": (3, 1, 1),
        "translate": (5, 6, 7),
        "rotate": [[1, 0, 0], [0, 0.6, -0.8], [0, 0.8, 0.6]],
        "units": ("um",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    mask = viewer.add_labels(two_bars(), name="mask", **place)
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    layer = viewer.layers["Fibers"]
    for name in ("scale", "translate", "rotate", "shear"):
        np.testing.assert_allclose(getattr(layer, name), getattr(mask, name))
    assert layer.units == mask.units
    assert layer.axis_labels == mask.axis_labels


def test_a_second_dock_finds_the_fibers(measured, viewer, open_dock) -> None:
    from napari_sciml.plugin.docks.fibers import FibersDock

    other = FibersDock(viewer)
    assert other.summary.text() == measured.summary.text()
    assert other.table.model().rowCount() == 2
    other.deleteLater()


def test_layers_and_images_may_go_while_it_measures(
    measured, viewer, patience, qtbot
) -> None:
    other = viewer.add_image(np.zeros((4, 5, 6)), name="other")
    measured.measure.click()
    viewer.layers.remove("Fibers")
    measured.session.workspace.choose_image(other)
    viewer.layers.remove("other")
    patience(lambda: not measured.session.workspace.measuring.busy)
    assert measured.error.text() == ""
    assert viewer.layers["Fibers"].data.max() == 2
    click_row(qtbot, measured, 1)
    measured.tools.delete.click()
    assert set(np.unique(viewer.layers["Fibers"].data)) == {0, 1}


def test_old_fibers_keep_their_own_undo(measured, viewer, patience) -> None:
    """After a switch of the image, the layer from before is the user's."""
    old = viewer.layers["Fibers"]
    measured.session.workspace.choose_image(viewer.add_image(np.zeros((12, 20, 40))))
    measured.form.mask.choose(viewer.layers["mask"])
    measured.measure.click()
    patience(lambda: not measured.session.workspace.measuring.busy)
    new = measured.session.fibers.view.layer
    assert new is not old
    old.data_setitem((np.array([6]), np.array([6]), np.array([6])), 5)
    keys = {str(key).lower(): act for key, act in old.keymap.items()}
    keys["ctrl+z"](old)
    assert old.data[6, 6, 6] == 0
    assert measured.summary.text().startswith("2 fibers")
