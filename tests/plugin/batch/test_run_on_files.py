"""The window that runs a model on many files, in a real thread."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QMessageBox

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.predictions import PredictionStore

pytestmark = pytest.mark.gui

SHAPE = (8, 24, 32)


def write(path, seed: int) -> str:
    image = np.random.default_rng(seed).normal(100, 20, SHAPE)
    tifffile.imwrite(path, image.astype(np.float32))
    return str(path)


def use_model(session, make_ensemble, members: int = 2) -> None:
    from napari_sciml.plugin.state.model import Model

    session.prediction.use(Model(make_ensemble(3, members=members)))


@pytest.fixture
def window(session, viewer, open_dock, make_ensemble, tmp_path):
    """The window, with a model and three files, of which one is broken."""
    layer = viewer.add_image(np.zeros(SHAPE, np.float32), name="shown")
    session.workspace.choose_image(layer)
    train = open_dock("Train")
    use_model(session, make_ensemble)
    session.sure.change(k=0.0, t=0.1)
    session.fibers.config = FiberConfig(dust=0)
    (tmp_path / "scans").mkdir()
    for seed, name in enumerate(("a", "b", "c")):
        write(tmp_path / "scans" / f"{name}.tif", seed)
    (tmp_path / "scans" / "b.tif").write_bytes(b"II*\0 none")
    train.run_files.click()
    train.files_window.add([str(tmp_path / "scans")])
    train.files_window.out.setText(str(tmp_path / "out"))
    yield train.files_window
    train.files_window.close()


def cells(window, column: str) -> list[str]:
    table = window.table
    titles = [table.horizontalHeaderItem(n).text() for n in range(table.columnCount())]
    place = titles.index(column)
    return [table.item(row, place).text() for row in range(table.rowCount())]


def made_by(window) -> list[str]:
    """Which model made each prediction."""
    folder = Path(window.out.text()) / "predictions"
    stores = map(PredictionStore.open, sorted(folder.glob("*.ome.zarr")))
    return [store.provenance["plan"]["model_sha256"] for store in stores]


def run(window, patience) -> None:
    window.start.click()
    assert window.error.text() == ""
    patience(lambda: not window._run.running)


def test_all_steps_with_all_files(window, session, viewer, patience, tmp_path) -> None:
    assert cells(window, "Image") == ["a.tif", "b.tif", "c.tif"]
    run(window, patience)
    assert window.status.text().startswith("Done with 2 of 3 files. 1 file failed")
    assert cells(window, "Predicted") == ["done", "failed", "done"]
    assert cells(window, "Sure") == ["done", "", "done"]
    assert all(text.isdigit() for text in cells(window, "Fibers")[::2])
    assert "b.tif" in cells(window, "What to know")[1]
    assert window.report.isEnabled()
    assert (tmp_path / "out" / "fibers" / "report.html").is_file()
    window.table.selectRow(2)
    window.open.click()
    assert window.error.text() == ""
    names = [layer.name for layer in viewer.layers]
    assert any(name.startswith("c") for name in names)
    paths = {layer.source.path for layer in viewer.layers} - {None}
    assert str(tmp_path / "scans" / "c.tif") in paths
    # All is there: nothing is done again.
    run(window, patience)
    assert cells(window, "Predicted") == ["was there", "failed", "was there"]


def test_stopped_and_gone_on_with(window, patience) -> None:
    window.keep.setChecked(False)
    window.start.click()
    assert window.start.text() == "Stop"
    patience(lambda: "Predicting" in window.status.text())
    window.start.click()
    patience(lambda: not window._run.running)
    assert "press Run to go on" in window.status.text()
    assert window.start.text() == "Run"
    run(window, patience)
    states = cells(window, "Predicted")
    assert states[1] == "failed"
    assert {states[0], states[2]} <= {"done", "was there"}


@pytest.mark.parametrize("sure", [True, False])
def test_results_of_another_model_are_replaced_only_if_wanted(
    window, session, make_ensemble, patience, monkeypatch, sure
) -> None:
    window.keep.setChecked(False)
    run(window, patience)
    before = made_by(window)
    use_model(session, make_ensemble, members=3)
    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    wanted = "Replace" if sure else "Cancel"

    def pressed(box):
        return next(one for one in box.buttons() if wanted in one.text())

    monkeypatch.setattr(QMessageBox, "clickedButton", pressed)
    run(window, patience)
    assert asked == ["Replace out?"]
    changed = [old != new for old, new in zip(before, made_by(window), strict=True)]
    assert changed == [sure, sure]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda window, session: window.out.setText(""), "no folder for the results"),
        (lambda window, session: window._run.rows.clear(), "no file yet"),
        (
            lambda window, session: setattr(session.prediction, "model", None),
            "no model yet",
        ),
        (
            lambda window, session: window.out.setText(str(window._run.rows[0].path)),
            "a.tif",
        ),
    ],
)
def test_what_is_missing_is_told(window, session, patience, spoil, sentence) -> None:
    spoil(window, session)
    before = sorted(
        (path, path.read_bytes())
        for row in window._run.rows
        for path in [row.path]
        if path.is_file()
    )
    window.start.click()
    patience(lambda: not window._run.running)
    assert window.error.text()
    assert sentence in window.error.text()
    assert all(path.read_bytes() == data for path, data in before)


def test_files_are_dropped_and_removed(window, tmp_path) -> None:
    more = write(tmp_path / "more.tif", 5)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(more), QUrl.fromLocalFile(more)])
    window.table.dropEvent(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert cells(window, "Image") == ["a.tif", "b.tif", "c.tif", "more.tif"]
    window.table.selectRow(1)
    window.remove.click()
    assert cells(window, "Image") == ["a.tif", "c.tif", "more.tif"]
    window.add([str(tmp_path / "nothing" / "*.tif")])
    assert "Nothing matches" in window.error.text()


def test_closed_and_opened_again_it_still_shows_the_run(window, patience) -> None:
    window.keep.setChecked(False)
    window.start.click()
    window.close()
    patience(lambda: not window._run.running)
    window.parent().run_files.click()
    assert window.isVisible()
    assert cells(window, "Predicted") == ["done", "failed", "done"]
