"""Docks write where the commands would, and nowhere else."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gui_helpers import bright_bar
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_sciml.errors import InputError
from napari_sciml.focus.model import FocusModel
from napari_sciml.focus.networks.network import FocusNet
from napari_sciml.io.results.outputs import OursError, kind_of
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.plugin.state.model import Model

pytestmark = pytest.mark.gui


class Desk:
    """A viewer whose image and labels come from files, with something to export."""

    def __init__(self, viewer, open_dock, folder: Path, ensemble) -> None:
        image, labels = bright_bar()
        folder.mkdir()
        tifffile.imwrite(folder / "scan.tif", image)
        tifffile.imwrite(folder / "Annotation.tif", labels)
        viewer.open(str(folder / "scan.tif"), plugin="napari-sciml")
        given = str(folder / "Annotation.tif")
        viewer.open(given, plugin="napari-sciml", layer_type="labels")
        self.mask = viewer.add_labels((image > 1).astype(np.uint8), name="mask")
        names = ("Annotate", "Train", "Fibers", "Focus")
        self.docks = {name: open_dock(name) for name in names}
        self.session = ViewerSession.of(viewer)
        self.session.prediction.use(Model(ensemble))
        self.folder = folder

    def write(self, what: str, out: Path) -> None:
        """Start or do an export."""
        files, session = self.docks["Annotate"].files, self.session
        {
            "whole volume": self.docks["Train"].whole_volume.predict,
            "model": session.prediction.save,
            "fibers": self.docks["Fibers"].export.write,
            "focus rating": session.focus.export,
            "focus model": session.focus.save_model,
            "labels": files.export_labels,
            "classes": files.export_classes,
        }[what](str(out) if what in ("labels", "classes") else out)


ENDINGS = {
    "whole volume": ".zarr",
    "model": "",
    "fibers": "",
    "focus rating": "",
    "focus model": "",
    "labels": ".tif",
    "classes": ".csv",
}
CASES = ("foreign file", "own input", "holds the input", "link to it", "read-only")


@pytest.fixture
def desk(viewer, open_dock, tmp_path, make_ensemble, patience):
    made = Desk(viewer, open_dock, tmp_path / "data", make_ensemble(3, members=1))
    session = made.session
    session.fibers.start(made.mask)
    patience(lambda: not session.fibers.running)
    assert session.fibers.result is not None
    session.focus.rate(tile=16)
    patience(lambda: not session.focus.busy)
    session.focus.model = FocusModel(FocusNet(), "of my own")
    return made


def prepared(desk: Desk, case: str, ending: str) -> Path:
    """An output that is no good."""
    folder = desk.folder
    out = folder / f"out{ending}"
    if case == "foreign file":
        out.write_text("notes of the beam time")
    elif case == "own input":
        out = folder / "scan.tif"
    elif case == "holds the input":
        out = folder
    elif case == "link to it":
        os.symlink(folder / "scan.tif", out)
    return out


@pytest.mark.parametrize("case", CASES)
def test_one_sentence_and_nothing_touched(desk, case, monkeypatch) -> None:
    if case == "read-only":  # root may write everywhere
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    for what, ending in ENDINGS.items():
        out = prepared(desk, case, ending)
        before = {p: p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()}
        with pytest.raises(
            InputError, match=r"input|already|is a file|cannot be|no extension"
        ) as told:
            desk.write(what, out)
        assert "\n" not in str(told.value)
        assert not desk.session.workspace.runner.busy, what
        after = {p: p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()}
        assert after == before, what
        if case in ("foreign file", "link to it"):
            out.unlink()


def answer(text: str) -> None:
    """Press a button of the question that comes next."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        assert box.defaultButton().text().strip("&") == "Cancel"
        next(b for b in box.buttons() if b.text().strip("&") == text).click()

    QTimer.singleShot(0, press)


def test_only_a_result_of_ours_is_asked_about(desk) -> None:
    out, save = desk.folder / "out", desk.session.prediction.save
    measured = desk.docks["Fibers"].export
    save(out)
    with pytest.raises(OursError):
        measured.write(out)
    answer("Cancel")
    write_or_ask(measured, lambda sure: measured.write(out, overwrite=sure))
    assert not desk.session.fibers.running
    assert kind_of(out) == "model"
    shutil.rmtree(out)
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        write_or_ask(measured, lambda sure: measured.write(out, overwrite=sure))


def test_who_insists_replaces_a_result_of_ours(desk, patience) -> None:
    out, measured = desk.folder / "out", desk.docks["Fibers"].export
    desk.session.prediction.save(out)
    answer("Replace")
    write_or_ask(measured, lambda sure: measured.write(out, overwrite=sure))
    patience(lambda: not desk.session.fibers.running)
    assert kind_of(out) == "fibers"


def test_a_copy_of_the_project_lies_apart_from_it(desk, patience) -> None:
    session = desk.session
    layer = session.workspace.annotation.layer
    layer.data = np.array(layer.data)  # of a file, it cannot be written
    layer.paint((1, 1, 1), 2)
    patience(lambda: session.project.folder is not None)
    with pytest.raises(InputError, match="lies in"):
        session.project.recovery.save_copy(session.project.folder / "copy")
