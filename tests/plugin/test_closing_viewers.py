"""The short version of `benchmarks/closing_viewers.py`, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gui
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "closing_viewers.py"

OPEN_AT_THE_END = """
import os
os.environ["NAPARI_CONFIG"] = ""
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_sciml.plugin.session import ViewerSession

viewer = napari.Viewer(show_welcome_screen=False)
viewer.open_sample("napari-sciml", "fiber_concrete")
for name in ("Annotate", "Train", "Uncertainty", "Fibers", "Focus"):
    dock = viewer.window.add_plugin_dock_widget("napari-sciml", name)[1]
    if name == "Train":
        dock.start.click()
session = ViewerSession.of(viewer)
session.training.changed.connect(lambda: session.training.taken and END())
"""
ENDS = {
    "quit": "END = QApplication.quit\nnapari.run()",
    "script": "END = int\nQApplication.processEvents()",
    "window": "END = viewer.window._qt_window.close\nnapari.run()",
}


def run(*words: str) -> None:
    """In a new process, as one that crashes takes all with it."""
    command = [sys.executable, "-X", "faulthandler", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert "Traceback" not in done.stderr, done.stderr


def test_viewers_are_closed_while_they_work() -> None:
    run(str(SCRIPT), "--viewers", "10", "--seed", "0")


@pytest.mark.parametrize("end", ENDS)
def test_the_program_ends_while_it_trains(end) -> None:
    run("-c", f"{OPEN_AT_THE_END}\n{ENDS[end]}")
