"""Frames a second of many fibers in space, turned by the camera.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/space_frames.py
        [--fibers 2000]

Prints what draws (the graphics card, or software), the triangles of the tubes, and
milliseconds a frame, with the image round the fibers and without. What a frame of
nothing takes is Python's share, which no card makes less.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
from flow_gaps import click, spin, wait
from qtpy.QtWidgets import QApplication

sys.path.append(str(Path(__file__).parents[1] / "docs"))
from look_at_every_screen import rods

EDGE = 256
FRAMES = 20
SIZE = (1280, 800)
SHOWN = {
    "nothing": (),
    "fibers": ("Fiber tubes",),
    "fibers and image": ("Fiber tubes", "rods"),
}


def frames(viewer: Any) -> float:
    """Milliseconds a frame while it turns."""
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    drawn: list[float] = []
    viewer.camera.angles = (0, 0, 0)
    spin(0.5)
    canvas.events.draw.connect(lambda event: drawn.append(time.perf_counter()))
    for turn in range(FRAMES + 1):
        before = len(drawn)
        viewer.camera.angles = (5, 30, 340 * turn / FRAMES - 170)
        wait(lambda before=before: len(drawn) > before)
        QApplication.processEvents()
    return float(1000 * np.median(np.diff(drawn)))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fibers", type=int, default=2000)
    count = parser.parse_args().fibers
    viewer = napari.Viewer(show_welcome_screen=False)
    mask = rods(count, EDGE)
    gray = mask + np.random.default_rng(0).normal(0, 0.2, mask.shape)
    viewer.add_image(gray.astype(np.float32), name="rods", contrast_limits=(0, 1.5))
    _, dock = viewer.window.add_plugin_dock_widget("napari-sciml", "Fibers")
    viewer.add_labels(mask, name="mask")
    dock.form.mask.choose(viewer.layers["mask"])
    dock.form.slenderness.setValue(0)
    dock.form.dust.setValue(20)
    click(dock.measure)
    wait(lambda: not dock.session.workspace.measuring.busy)
    viewer.dims.ndisplay = 3
    wait(lambda: "Fiber tubes" in viewer.layers)
    from vispy.gloo import gl

    print(f"drawn by {gl.glGetParameter(gl.GL_RENDERER)}")
    tubes = viewer.layers["Fiber tubes"]
    found = len(dock.session.fibers.view.table)
    print(f"{found:,} fibers, {len(tubes.data[1]):,} triangles")
    viewer.window.resize(*SIZE)
    spin(1.0)
    for what, shown in SHOWN.items():
        for name in ("Fiber tubes", "rods"):
            viewer.layers[name].visible = name in shown
        spin(0.5)
        print(f"{what}: {frames(viewer):.0f} ms a frame")
    viewer.close()


if __name__ == "__main__":
    main()
