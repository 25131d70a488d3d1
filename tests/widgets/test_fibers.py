"""The Fibers dock."""

import json

import numpy as np
import pandas as pd
import pytest

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
    patience(lambda: not dock.session.measuring.busy)
    assert dock.error.text() == ""
    return dock


def test_measures_in_the_units_of_the_layer(measured, viewer) -> None:
    assert measured.size.text() == "2 x 2 x 2 µm"
    assert measured.summary.text().startswith("2 fibers, mean length 5")
    layer = viewer.layers["Fibers"]
    assert layer.scale.tolist() == [2, 2, 2]
    assert layer.features["index"].tolist() == [1, 2]
    assert not viewer.layers["mask"].visible
    lengths = measured.session.fibers.result.table["length"]
    np.testing.assert_allclose(lengths, [72, 40], rtol=0.05)


def test_a_row_leads_to_its_fiber(measured, viewer) -> None:
    model = measured.table.model()
    measured.table.clicked.emit(model.index(1, 0))
    assert viewer.layers["Fibers"].selected_label == 2
    assert viewer.dims.point[0] == pytest.approx(2 * 9, abs=1)
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (26, 39), atol=1)


def test_a_picked_fiber_leads_to_its_row(measured, viewer) -> None:
    layer = viewer.layers["Fibers"]
    layer.mode = "pick"
    layer.selected_label = 2
    row = measured.table.selectionModel().selectedRows()[0].row()
    assert measured.table.model().index(row, 0).data() == "2"


def test_sorting_keeps_rows_and_fibers_together(measured, viewer) -> None:
    from qtpy.QtCore import Qt

    measured.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    measured.table.clicked.emit(measured.table.model().index(0, 0))
    assert viewer.layers["Fibers"].selected_label == 2


def test_exports_what_it_shows(measured, tmp_path) -> None:
    measured.export_to(tmp_path / "fibers")
    names = {path.name for path in (tmp_path / "fibers").iterdir()}
    wanted = {"fibers.csv", "labels.tif", "summary.json"}
    assert names >= wanted | {"lengths.png", "directions.png"}
    assert len(pd.read_csv(tmp_path / "fibers/fibers.csv")) == 2
    assert json.loads((tmp_path / "fibers/summary.json").read_text())["fibers"] == 2
    assert str(tmp_path) in measured.summary.text()


def test_export_says_why_not(measured, tmp_path) -> None:
    (tmp_path / "fibers").write_text("in the way")
    measured.export_to(tmp_path / "fibers" / "deeper")
    assert "cannot be written" in measured.error.text()


def test_measures_again_with_other_settings(measured, viewer, patience) -> None:
    measured.dust.setValue(1)
    measured.measure.click()
    patience(lambda: not measured.session.measuring.busy)
    assert measured.summary.text().startswith("3 fibers")
    assert viewer.layers["Fibers"].data.max() == 3


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (None, "There is no mask"),
        (np.zeros((4, 8, 8), np.uint8), "mask is empty"),
        (np.arange(64, dtype=np.uint8).reshape(4, 4, 4), "more values than two"),
        (np.ones((2, 2, 8, 8), np.uint8), "not a single 2D or 3D mask"),
    ],
    ids=["none", "empty", "classes", "4D"],
)
def test_bad_masks(viewer, open_dock, patience, mask, sentence: str) -> None:
    if mask is not None:
        viewer.add_labels(mask)
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: bool(dock.error.text()))
    assert sentence in dock.error.text()
    patience(lambda: not dock.session.measuring.busy)
    assert dock.measure.isEnabled()


def test_2d_masks(viewer, open_dock, patience) -> None:
    viewer.add_labels(two_bars()[3], name="mask")
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.measuring.busy)
    assert dock.summary.text().startswith("1 fiber, mean length")
