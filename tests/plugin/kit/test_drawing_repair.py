"""Layers come and go, viewers too, without a crash in drawing."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.gui

REMOVED = """
import os
os.environ["NAPARI_CONFIG"] = ""
import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from napari_sciml.plugin.session import ViewerSession

def draw():
    for _ in range(20):
        viewer.window._qt_viewer.canvas.native.update()
        QApplication.processEvents()

image = np.random.default_rng(0).random((24, 64, 64)).astype("f4")
labels = (image > 0.9).astype("u1")
viewer = napari.Viewer(show_welcome_screen=False)
ViewerSession.of(viewer)
viewer.add_image(image)
draw()
viewer.add_labels(labels)
draw()
viewer.layers.remove(viewer.layers[0])
draw()
viewer.add_labels(labels)
draw()
viewer.close()
QApplication.processEvents()
"""


def test_a_layer_is_added_after_a_lower_one_was_removed() -> None:
    command = [sys.executable, "-c", REMOVED]  # a crash would end the tests
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "GLError" not in done.stderr
