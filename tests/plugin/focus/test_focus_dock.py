"""The Focus dock: rate, look, jump, write."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPointF, Qt

pytestmark = pytest.mark.gui
LAYERS = {"Focus", "Focus level", "Focus certainty", "Out of focus"}


@pytest.fixture
def rate(open_dock, patience):
    """Open the dock, press the button, wait for layers."""

    def press(dock=None):
        dock = dock or open_dock("Focus")
        dock.rate.click()
        patience(lambda: not dock.session.focus.busy)
        return dock

    return press


def test_rates_and_shows_what_is_in_focus(viewer, rate, half_blurred) -> None:
    viewer.add_image(half_blurred, name="cells")
    dock = rate()
    assert dock.error.text() == ""
    assert dock.verdict.text().startswith("In focus: ")
    names = {layer.name for layer in viewer.layers}
    assert names == LAYERS | {"cells"}
    shown = {layer.name for layer in viewer.layers if layer.visible}
    assert shown == {"cells", "Focus", "Out of focus"}
    assert len(viewer.layers["Focus"].data) == 16
    level = viewer.layers["Focus level"].data
    half = level.shape[1] // 2
    assert np.nanmean(level[:, :half]) + 2 < np.nanmean(level[:, half:])
    mask = viewer.layers["Out of focus"].data
    assert mask[:, half:].mean() > mask[:, :half].mean() + 0.3
    assert not dock.curve.isVisibleTo(dock)
    assert dock.table.model().rowCount() == 16


def test_sharp_is_red_and_blurred_is_blue(viewer, rate, half_blurred) -> None:
    viewer.add_image(half_blurred)
    rate()
    colors = viewer.layers["Focus"].edge_color.reshape(4, 4, 4)
    red, blue = colors[..., 0], colors[..., 2]
    assert (red - blue)[:, :2].mean() > 0.1 > -0.1 > (red - blue)[:, 2:].mean()


def test_stacks_have_a_best_plane_and_the_viewer_goes_there(
    viewer, open_dock, rate, focus_stack
) -> None:
    viewer.add_image(focus_stack, scale=(3, 1, 1))
    dock = open_dock("Focus")
    dock.table.setFixedHeight(120)  # too low for all rows
    rate(dock)
    assert dock.verdict.text().startswith("Best plane: 2 of 5")
    assert viewer.dims.current_step[0] == 2
    assert dock.curve.isVisibleTo(dock)
    assert dock.table.model().rowCount() == 20
    assert dock.table.rowAt(0) == 8  # of the best plane
    assert viewer.layers["Focus"].ndim == 2
    assert viewer.layers["Focus certainty"].data.shape[0] == 5


def test_borders_follow_the_plane(viewer, rate, focus_stack, patience) -> None:
    viewer.add_image(focus_stack)
    dock = rate()
    sharp = viewer.layers["Focus"].edge_color.copy()
    viewer.dims.set_current_step(0, 0)
    shown = dock.session.focus.shown
    patience(lambda: not np.array_equal(viewer.layers["Focus"].edge_color, sharp))
    assert shown.shown_plane(viewer) == (0,)
    viewer.dims.set_current_step(0, 2)
    patience(lambda: np.array_equal(viewer.layers["Focus"].edge_color, sharp))


def test_a_click_on_the_curve_goes_to_the_plane(
    viewer, rate, focus_stack, qtbot
) -> None:
    viewer.add_image(focus_stack, scale=(2, 1, 1), translate=(10, 0, 0))
    dock = rate()
    view = dock.curve.plot.getPlotItem().getViewBox()
    place = dock.curve.plot.mapFromScene(view.mapViewToScene(QPointF(4, 2)))
    qtbot.mouseClick(dock.curve.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert viewer.dims.point[0] == 18
    assert dock.curve._shown.value() == 4


def test_a_row_leads_to_its_plane_and_tile(viewer, rate, focus_stack, qtbot) -> None:
    viewer.add_image(focus_stack, scale=(3, 2, 2))
    dock = rate()
    row = 4 * 4 + 3
    index = dock.table.model().index(row, 0)
    dock.table.scrollTo(index)
    place = dock.table.visualRect(index).center()
    qtbot.mouseClick(dock.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert viewer.dims.point[0] == 12
    center = 2 * (84 + 41.5)
    np.testing.assert_allclose(viewer.scene.camera.center[1:], center)
    np.testing.assert_array_equal(viewer.layers["Focus"].edge_color[3], 1)


def test_sorting_keeps_rows_and_tiles_together(viewer, rate, half_blurred) -> None:
    viewer.add_image(half_blurred)
    dock = rate()
    model = dock.table.model()
    column = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(5)].index(
        "Level"
    )
    dock.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    result = dock.session.focus.result
    levels = [result.expected[model.tile(row)] for row in range(model.rowCount())]
    assert levels == sorted(levels, reverse=True)
    dock.table.selectRow(0)
    assert dock.session.focus.shown.chosen == model.tile(0)


def test_exports_what_the_command_writes(
    viewer, rate, focus_stack, tmp_path, patience
) -> None:
    viewer.add_image(focus_stack)
    dock = rate()
    dock.export_to(tmp_path / "focus")
    patience(lambda: not dock.session.focus.busy)
    assert dock.status.text() == f"Written to {tmp_path / 'focus'}"
    table = pd.read_csv(tmp_path / "focus/focus.csv")
    assert len(table) == 20
    assert {"plane", "y", "x", "level", "p10"} <= set(table)
    summary = json.loads((tmp_path / "focus/summary.json").read_text())
    assert summary["best_plane"] == 2
    assert (tmp_path / "focus/overlay.png").exists()


def test_export_says_why_not(viewer, rate, half_blurred, tmp_path, patience) -> None:
    viewer.add_image(half_blurred)
    dock = rate()
    (tmp_path / "file").write_text("in the way")
    dock.export_to(tmp_path / "file" / "deeper")
    patience(lambda: bool(dock.error.text()))
    assert "cannot be written" in dock.error.text()


def test_rating_again_uses_the_same_layers(viewer, rate, half_blurred) -> None:
    viewer.add_image(half_blurred)
    dock = rate()
    viewer.layers["Focus certainty"].visible = True
    before = list(viewer.layers)
    rate(dock)
    assert list(viewer.layers) == before
    assert viewer.layers["Focus certainty"].visible


def test_other_tiles_replace_the_layers(viewer, rate, half_blurred) -> None:
    viewer.add_image(half_blurred)
    dock = rate()
    dock.tile.setValue(168)
    rate(dock)
    assert len(viewer.layers["Focus"].data) == 4
    assert {layer.name for layer in viewer.layers} >= LAYERS
    assert len(viewer.layers) == 5


def test_many_tiles_become_an_image(viewer, rate, half_blurred, monkeypatch) -> None:
    monkeypatch.setattr("napari_sciml.plugin.focus.layers.MOST_SHAPES", 15)
    viewer.add_image(half_blurred)
    rate()
    layer = viewer.layers["Focus"]
    assert layer.rgb
    half = layer.data.shape[1] // 2
    assert layer.data[:, :half, 0].mean() > layer.data[:, half:, 0].mean()


def test_color_images_and_channels(viewer, rate, half_blurred) -> None:
    empty = np.zeros_like(half_blurred)
    channels = np.stack([empty, half_blurred])
    viewer.add_image(channels, axis_labels=("c", "y", "x"), name="two")
    dock = rate()
    assert dock.channel.isVisibleTo(dock)
    assert dock.channel.currentText() == "Channel 0"
    assert dock.verdict.text() == "Undetermined: nothing to see in this image."
    dock.channel.setCurrentText("Channel 1")
    rate(dock)
    assert dock.verdict.text().startswith("In focus: ")
    eight = (half_blurred / half_blurred.max() * 255).astype(np.uint8)
    color = viewer.add_image(np.stack([eight] * 3, axis=-1), rgb=True)
    dock.session.workspace.choose_image(color)
    assert not dock.channel.isVisibleTo(dock)
    rate(dock)
    assert dock.verdict.text().startswith("In focus: ")


def test_a_time_series_has_frames(viewer, rate, focus_stack) -> None:
    viewer.add_image(focus_stack, axis_labels=("t", "y", "x"))
    dock = rate()
    assert dock.verdict.text().startswith("Best frame: 2 of 5")


def test_lazy_stacks_are_read_plane_by_plane(viewer, rate, focus_stack) -> None:
    import dask.array as da

    seen = []

    def read(block):
        seen.append(block.shape)
        return block

    chunked = da.from_array(focus_stack, chunks=(1, 168, 168))
    viewer.add_image(
        chunked.map_blocks(read, dtype=np.uint16, meta=np.array((), np.uint16))
    )
    dock = rate()
    assert dock.verdict.text().startswith("Best plane: 2 of 5")
    assert set(seen) <= {(1, 168, 168), (0, 0, 0)}


def test_a_model_of_ones_own(
    viewer, open_dock, patience, half_blurred, tmp_path
) -> None:
    viewer.add_image(half_blurred[:, :168], name="sharp")
    dock = open_dock("Focus")
    np.save(tmp_path / "more.npy", half_blurred[:, :168])
    panel, run = dock.model, dock.session.focus
    panel.train.click()
    assert "Tick an image" in dock.error.text()
    panel.images.item(0).setCheckState(Qt.CheckState.Checked)
    panel.add_files([tmp_path / "more.npy"])
    panel.seconds.setValue(1)
    panel.train.click()
    assert panel.train.text() == "Stop"
    patience(lambda: not run.busy)
    assert dock.error.text() == ""
    assert dock.model_name.text().startswith("your own (1 images")
    run.save_model(tmp_path / "model")
    patience(lambda: not run.busy)
    panel.built_in.click()
    assert dock.model_name.text() == "built-in"
    run.load(tmp_path / "model" / "focus.json")
    patience(lambda: not run.busy)
    assert dock.model_name.text() == "model"
    dock.rate.click()
    patience(lambda: not run.busy)
    assert run.result is not None


def test_training_can_be_stopped(viewer, open_dock, patience, half_blurred) -> None:
    viewer.add_image(half_blurred)
    dock = open_dock("Focus")
    dock.model.images.item(0).setCheckState(Qt.CheckState.Checked)
    dock.model.train.click()
    patience(lambda: "step" in dock.status.text())
    dock.model.train.click()
    patience(lambda: not dock.session.focus.busy)
    assert dock.model_name.text() == "built-in"
    assert dock.status.text() == "Stopped."


def test_a_file_that_is_no_model(viewer, open_dock, patience, tmp_path) -> None:
    (tmp_path / "focus.json").write_text("{}")
    dock = open_dock("Focus")
    dock.session.focus.load(tmp_path / "focus.json")
    patience(lambda: bool(dock.error.text()))
    assert "no focus model" in dock.error.text()
    dock.session.focus.load(Path("nowhere.zip"))
    patience(lambda: "does not exist" in dock.error.text())


@pytest.mark.parametrize(
    ("dtype", "sentence"),
    [
        (np.uint8, "Values 0 to 255 were taken for 0 to 1."),
        (np.uint16, "Values 0 to 65535 were taken for 0 to 1."),
        (np.float32, "Values -2 to 8 were taken for 0 to 1."),
    ],
)
def test_a_model_that_needs_a_scale_is_given_one(
    viewer, open_dock, rate, half_blurred, dtype, sentence, tmp_path, patience
) -> None:
    from napari_sciml.focus.model import FocusModel
    from napari_sciml.focus.networks.network import FocusNet

    values = (half_blurred / half_blurred.max() * 5).astype(dtype)
    viewer.add_image(values, contrast_limits=(-2, 8))
    dock = open_dock("Focus")
    run = dock.session.focus
    run.model = FocusModel(FocusNet(), "yang2018", fixed_scale=True)
    rate(dock)
    assert dock.error.text() == ""
    assert dock.verdict.text().endswith(sentence)
    dock.export_to(tmp_path / "focus")
    patience(lambda: not run.busy)
    assert "scale" in json.loads((tmp_path / "focus/summary.json").read_text())
    with pytest.raises(ValueError, match="no model of your own"):
        run.save_model(tmp_path / "model")
