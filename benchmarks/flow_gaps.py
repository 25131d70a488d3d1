"""Longest holds of the window in each step of the flow, in a real window.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/flow_gaps.py [--busy 2]

Walks the Workflow dock from an opened volume to exported fibers by the buttons that a
person presses, and prints for each step the 95th and 99th percentile and the longest
of the gaps of a 60 Hz timer, in milliseconds. With `--busy N`, N processes compute
beside it. With `--glass FOLDER` the volume is glass CT instead of the made sample.

Where a gap is longer than 0.25 s, and no longer than what is known of that step, the
known reason stands beside it (`REASONS`). `--napari` measures napari without us for
comparison: an image, a Labels layer and a picture in space.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sciml.plugin.flow.advice import Step

TICK_MS = 16
PATIENCE = 300.0
LONG_MS = 250
REASONS = {
    "open": (4000, "imports of scipy, pandas and pyqtgraph; napari's first image"),
    "annotate": (1000, "napari's first Labels layer"),
    "train": (800, "import of torch; two new layers of napari"),
    "threshold slider": (350, "a new Labels layer of napari"),
    "where to label next": (350, "another slice by software OpenGL"),
    "fibers open": (350, "plots drawn for the first time"),
    "choose rows": (350, "another slice by software OpenGL"),
    "measure fibers": (600, "a new Labels layer and a bar of progress of napari"),
    "space": (6000, "software OpenGL"),
    "slices": (500, "software OpenGL"),
}
"""Milliseconds that each may explain, on two threads without a graphics card."""
GLASS = "crop_A_z16-144_y30-254_x20-244.tif"


class Watch:
    """Keeps the gaps between the ticks of a timer, step by step."""

    def __init__(self) -> None:
        self.gaps: dict[str, list[float]] = {}
        self._now: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self._now.append(1000 * (now - self._last))
        self._last = now

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what comes for this step."""
        self._now = self.gaps.setdefault(name, [])
        yield
        spin(0.3)


def spin(seconds: float) -> None:
    """Let the window live."""
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() >= end)


def wait(done: Callable[[], bool]) -> None:
    """Until something is true."""
    end = time.perf_counter() + PATIENCE
    while not done():
        QApplication.processEvents()
        if time.perf_counter() > end:
            raise TimeoutError
        time.sleep(0.001)


def click(button: Any) -> None:
    """With the mouse."""
    wait(button.isEnabled)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def window() -> Any:
    """An empty napari, at rest."""
    viewer = napari.Viewer(show_welcome_screen=False)
    viewer.window.resize(1400, 900)
    spin(1.0)
    return viewer


def opened(viewer: Any, glass: Path | None) -> None:
    """The volume, and strokes to learn from."""
    if glass is None:
        viewer.open_sample("napari-sciml", "fiber_concrete")
        return
    image = tifffile.imread(glass / GLASS)
    viewer.add_image(image, name="glass")


def strokes(image: np.ndarray) -> list[tuple[int, tuple[np.ndarray, ...]]]:
    """Ten of each class in what is clearly bright or dark: label, and voxels."""
    rng, (low, high) = np.random.default_rng(0), np.quantile(image, (0.2, 0.97))
    found = []
    for label, clear in ((1, image < low), (2, image > high)):
        places = np.argwhere(clear)
        for z, y, x in places[rng.choice(len(places), 10)]:
            part = slice(x, min(x + 5, image.shape[2]))
            along = np.nonzero(clear[z, y, part])[0] + x
            where = (np.full(len(along), z), np.full(len(along), y), along)
            found.append((label, where))
    return found


def paint(viewer: Any, painted: list[tuple[int, tuple[np.ndarray, ...]]]) -> None:
    """A stroke at a time."""
    layer = next(layer for layer in viewer.layers if layer.name == "Annotation")
    for label, where in painted:
        layer.data_setitem(where, label)
        spin(0.05)


def walk(watch: Watch, glass: Path | None) -> None:
    """From an image to a table."""
    viewer = window()
    with watch.step("open"):
        opened(viewer, glass)
        _, flow = viewer.window.add_plugin_dock_widget("napari-sciml", "Workflow")
        spin(1.0)
    session = flow.session
    image = np.asarray(session.workspace.image.data)
    painted = [] if glass is None else strokes(image)
    with watch.step("annotate"):
        flow.go_to(Step.ANNOTATE)
        click(flow.docks[Step.ANNOTATE].start)
        paint(viewer, painted)
    with watch.step("train"):
        flow.go_to(Step.TRAIN)
        flow.docks[Step.TRAIN].seconds.setValue(20)
        click(flow.docks[Step.TRAIN].start)
        wait(lambda: session.prediction.model is not None)
    with watch.step("scroll while it trains"):
        for z in range(10, 60, 2):
            viewer.dims.set_current_step(0, z)
            spin(0.1)
    with watch.step("until it rests"):
        volume = session.prediction.probabilities
        wait(lambda: session.training.settled and volume.complete)
    keep(watch, flow)
    measure(watch, flow, viewer)
    session.training.stop()
    wait(lambda: not session.workspace.runner.busy)
    viewer.close()


def napari_alone(watch: Watch, glass: Path | None) -> None:
    """What napari takes by itself for the same things."""
    viewer = window()
    with watch.step("napari: image"):
        opened(viewer, glass)
    shape = viewer.layers[0].data.shape
    for name in ("napari: first labels", "napari: more labels"):
        with watch.step(name):
            viewer.add_labels(np.zeros(shape, np.uint8))
    with watch.step("napari: space"):
        viewer.dims.ndisplay = 3
    with watch.step("napari: slices"):
        viewer.dims.ndisplay = 2
    viewer.close()


def keep(watch: Watch, flow: Any) -> None:
    """Sliders, the mask, and where to label next."""
    with watch.step("uncertainty opens"):
        flow.go_to(Step.UNCERTAINTY)
        spin(1.0)
    dock = flow.docks[Step.UNCERTAINTY]
    with watch.step("threshold slider"):
        for t in np.linspace(0.3, 0.7, 15):
            dock.t.setValue(float(t))
            spin(0.1)
        dock.t.setValue(0.5)
    with watch.step("keep what is sure"):
        click(dock.keep)
        wait(lambda: flow.session.sure.complete)
    with watch.step("where to label next"):
        click(dock.show_next)
        wait(lambda: not flow.session.guide.searching)


def measure(watch: Watch, flow: Any, viewer: Any) -> None:
    """Fibers, a look in space, and files."""
    with watch.step("fibers open"):
        flow.go_to(Step.FIBERS)
        spin(0.5)
    dock, busy = flow.docks[Step.FIBERS], flow.session.workspace.measuring
    with watch.step("measure fibers"):
        click(dock.measure)
        wait(lambda: not busy.busy)
        spin(1.0)
    with watch.step("choose rows"):
        for row in range(0, 20, 2):
            dock.table.selectRow(row)
            spin(0.1)
    with watch.step("space"):
        viewer.dims.ndisplay = 3
        spin(2.0)
    with watch.step("slices"):
        viewer.dims.ndisplay = 2
        spin(1.0)
    with TemporaryDirectory() as folder, watch.step("export"):
        dock.export_to(Path(folder) / "fibers")
        wait(lambda: not busy.busy)


def main() -> None:
    """Print a line a step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--busy", type=int, default=0, help="processes beside it")
    parser.add_argument("--glass", type=Path, help="folder ct_fiberseg_glass")
    parser.add_argument("--napari", action="store_true", help="without us")
    options = parser.parse_args()
    others = [
        multiprocessing.Process(target=_burn, daemon=True) for _ in range(options.busy)
    ]
    for other in others:
        other.start()
    QApplication.instance() or napari.Viewer(show=False).close()
    watch = Watch()
    (napari_alone if options.napari else walk)(watch, options.glass)
    for other in others:
        other.terminate()
    print(f"{'step':<24}{'p95':>8}{'p99':>8}{'longest':>9}  ms")
    for name, gaps in watch.gaps.items():
        p95, p99 = np.percentile(gaps, (95, 99))
        at_most, reason = REASONS.get(name, (0, ""))
        known = reason if max(gaps) <= at_most else ""
        note = "" if max(gaps) <= LONG_MS else f"  long{known and ': '}{known}"
        print(f"{name:<24}{p95:8.0f}{p99:8.0f}{max(gaps):9.0f}{note}")


def _burn() -> None:
    while True:
        sum(range(10**6))


if __name__ == "__main__":
    main()
