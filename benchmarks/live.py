"""Painting while an ensemble trains, in a real window with real mouse events.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/live.py [--seconds 60]

Prints, with the training off, on, and stopped with its layers still shown: gaps of a
60 Hz timer, the time from when a mouse move of a stroke was due to the end of the
drawing that shows it, and the longest gap; then the time from the first strokes to the
first picture of a 256 x 256 slice, and from a new stroke to a picture by a model that
has learned from it.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble

TICK_MS, MOVE_SECONDS = 16, 1 / 30
MOVES, STROKES = 12, 8


class Window:
    """A viewer with a phantom, and a hand on the mouse."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.phantom = make_phantom(PhantomConfig(shape=shape, seed=5))
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.viewer.window.resize(1200, 800)
        self.viewer.add_image(self.phantom.image, name="phantom")
        add = self.viewer.window.add_plugin_dock_widget
        self.annotate = add("napari-sciml", "Annotate")[1]
        self.train = add("napari-sciml", "Train", tabify=True)[1]
        self.session = ViewerSession.of(self.viewer)
        self.annotate.start.click()
        qt_viewer = self.viewer.window._qt_viewer
        self.canvas = qt_viewer.canvas.native
        self.drawn = time.perf_counter()
        qt_viewer.canvas._scene_canvas.events.draw.connect(self._on_draw)
        spin(1.0)

    def _on_draw(self, event: Any) -> None:
        self.drawn = time.perf_counter()

    def go_to(self, z: int) -> None:
        """Show a slice."""
        self.viewer.dims.set_point(0, z)

    def mouse(self, kind: QEvent.Type, x: float, y: float) -> None:
        """Press, move or release the left button."""
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = none if kind == QEvent.Type.MouseMove else left
        held = none if kind == QEvent.Type.MouseButtonRelease else left
        where = QPointF(x, y)
        place = self.canvas.mapToGlobal(where)
        event = QMouseEvent(
            *(kind, where, place, button, held, Qt.KeyboardModifier.NoModifier)
        )
        QApplication.sendEvent(self.canvas, event)

    def stroke(self, rng: np.random.Generator) -> list[float]:
        """Paint a short stroke; seconds from each due move to its drawing."""
        size = self.canvas.size()
        x, y = rng.uniform(0.35, 0.65, 2) * (size.width(), size.height())
        step = rng.normal(0, 3, 2)
        self.mouse(QEvent.Type.MouseButtonPress, x, y)
        found, due = [], time.perf_counter()
        for _ in range(MOVES):
            due += MOVE_SECONDS
            spin(max(0.0, due - time.perf_counter()))
            x, y = x + step[0], y + step[1]
            self.mouse(QEvent.Type.MouseMove, x, y)
            wait(lambda due=due: self.drawn > due, 2.0)
            found.append(time.perf_counter() - due)
        self.mouse(QEvent.Type.MouseButtonRelease, x, y)
        return found


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() >= end, seconds + 10)


def wait(done: Callable[[], bool], most: float) -> bool:
    end = time.perf_counter() + most
    while not done():
        if time.perf_counter() > end:
            return False
        QApplication.processEvents()
        time.sleep(0.0005)
    return True


class Gaps:
    """Gaps of a 60 Hz timer in the GUI thread."""

    def __init__(self) -> None:
        self.found: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.found.append(now - self._last)
        self._last = now

    def stop(self) -> list[float]:
        """End, and give the gaps in seconds."""
        self._timer.stop()
        return self.found


def paint_and_scrub(window: Window, seconds: float) -> tuple[list[float], list[float]]:
    """Strokes and scrubbing in turn, as long as asked."""
    rng, gaps, steps = np.random.default_rng(0), Gaps(), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        window.session.workspace.choose_class(int(rng.integers(1, 3)))
        steps += window.stroke(rng)
        spin(0.5)
        start = int(rng.integers(10, window.phantom.image.shape[0] - 20))
        for z in range(start, start + 10):
            window.go_to(z)
            spin(0.05)
    return gaps.stop(), steps


def row(name: str, values: list[float]) -> None:
    p50, p95, p99 = (1e3 * np.percentile(values, p) for p in (50, 95, 99))
    print(f"| {name} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {1e3 * max(values):.0f} |")


def latency(seconds: float) -> None:
    """Timer gaps and stroke steps, with the training off and on."""
    window = Window((128, 128, 128))
    labels = scribble(window.phantom.labels, window.phantom.image, budget=1500, seed=1)
    window.session.workspace.annotation.layer.data_setitem(
        np.nonzero(labels), labels[labels > 0]
    )
    print("| in ms | p50 | p95 | p99 | worst |\n| --- | --- | --- | --- | --- |")
    paint_and_scrub(window, 3)
    gaps, steps = paint_and_scrub(window, min(seconds, 20))
    row("timer gap, training off", gaps)
    row("stroke step, training off", steps)
    window.train.seconds.setValue(3600)
    window.train.start.click()
    training = window.session.training
    wait(lambda: len(training.curves.training) > 20, 60)
    before = training.curves.training[-1][0]
    gaps, steps = paint_and_scrub(window, seconds)
    row("timer gap, training on", gaps)
    row("stroke step, training on", steps)
    trained = training.curves.training[-1][0] - before
    training.stop()
    wait(lambda: not window.session.workspace.runner.busy, 30)
    gaps, steps = paint_and_scrub(window, min(seconds, 20))
    row("timer gap, stopped, its layers shown", gaps)
    row("stroke step, stopped, its layers shown", steps)
    print(f"\nTrained {trained:.0f} s of {seconds:.0f} s in that time.")
    window.viewer.close()


def first_picture() -> None:
    """From the first strokes to a picture, and from a new stroke to a new one."""
    window = Window((48, 256, 256))
    session, training = window.session, window.session.training
    window.go_to(24)
    window.train.start.click()
    wait(lambda: training.phase.value == "waiting", 60)
    rng = np.random.default_rng(1)
    for label in (1, 2):
        session.workspace.choose_class(label)
        window.stroke(rng)
    started = time.perf_counter()
    wait(lambda: is_current(session), 60)
    print(f"\nFirst strokes to first picture: {time.perf_counter() - started:.2f} s")
    for kind in ("instant", "ensemble"):
        wait(lambda kind=kind: session.prediction.model.kind == kind, 120)
        waits = [new_stroke(window, rng) for _ in range(STROKES)]
        shown = session.prediction.model.kind
        print(
            f"New stroke to new picture, {shown} shown: median "
            f"{np.median(waits):.2f} s, worst {max(waits):.2f} s"
        )
    training.stop()
    wait(lambda: not session.workspace.runner.busy, 30)
    window.viewer.close()


def new_stroke(window: Window, rng: np.random.Generator) -> float:
    session = window.session
    session.workspace.choose_class(int(rng.integers(1, 3)))
    window.stroke(rng)
    started, revision = time.perf_counter(), session.workspace.annotation.revision
    wait(lambda: session.prediction.model.revision >= revision, 60)
    wait(lambda: is_current(session), 60)
    return time.perf_counter() - started


def is_current(session: ViewerSession) -> bool:
    """Whether the model at hand has predicted the shown slice."""
    volume, region = session.prediction.probabilities, session.workspace.shown_region()
    return volume is not None and bool(volume.current[region].all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=("latency", "picture"))
    given = parser.parse_args()
    get_settings().application.save_window_geometry = False
    if given.only != "picture":
        latency(given.seconds)
    if given.only != "latency":
        first_picture()


if __name__ == "__main__":
    main()
