"""A hand on mouse and keyboard of the real viewer, for `flow_by_mouse.py`.

Everything goes through Qt events: clicks on widgets that are seen and enabled, menus
that are opened, dialogs that are filled in, strokes that are dragged over the canvas.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
from flow_gaps import Watch, spin, wait
from napari.utils.notifications import notification_manager
from PIL import Image
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QLineEdit,
    QMessageBox,
    QScrollArea,
    QWidget,
)

LEFT = Qt.MouseButton.LeftButton
MOVE_SECONDS = 0.012
"""Between two moves of the mouse: some 80 pixels of the image a second."""
SIZE = (1400, 900)


class NotSeenError(RuntimeError):
    """A person would have to look for it, or has come too late."""


class Hand:
    """What a person can do in a window.

    Parameters
    ----------
    out
        Folder of the pictures.
    name
        How their names begin.
    size
        Of the window.
    """

    def __init__(self, out: Path, name: str, size: tuple[int, int] = SIZE) -> None:
        self.out, self.name, self.count = out, name, 0
        out.mkdir(parents=True, exist_ok=True)
        self.viewer = napari.Viewer(show=True, show_welcome_screen=True)
        self.viewer.window.resize(*size)
        self.window = self.viewer.window._qt_window
        self.canvas = self.viewer.window._qt_viewer.canvas
        self.watch = Watch()
        self.told: list[str] = []
        self.folder = out
        """Where a dialog that asks for a folder is sent."""
        notification_manager.notification_ready.connect(self._on_told)
        self._dialogs = QTimer()
        self._dialogs.timeout.connect(self._answer)
        self._dialogs.start(300)
        spin(1.0)

    def close(self) -> None:
        """Let go."""
        self._dialogs.stop()
        notification_manager.notification_ready.disconnect(self._on_told)
        self.viewer.close()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the holds of the window for a step; not those of what we do between."""
        with self.watch.step(name):
            yield
        self.watch._now = []

    def take(self, what: str) -> None:
        """A picture of the window."""
        spin(0.3)
        self.count += 1
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(pixels).convert("RGB")
        picture.save(self.out / f"{self.name}_{self.count:02}_{what}.png")

    def drop(self, path: Path) -> None:
        """A file is dragged onto the window and let go."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        where, target = QPoint(200, 200), self.viewer.window._qt_viewer
        how = (Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(target, QDragEnterEvent(where, *how))
        QApplication.sendEvent(target, QDropEvent(QPointF(where), *how))
        if not until(lambda: len(self.viewer.layers) > 0, 20):
            raise RuntimeError(f"{path.name} did not open by a drop")

    def menu(self, *texts: str) -> None:
        """Go through the menus of the window, a click at each."""
        bar: Any = self.window.menuBar()
        for text in texts:
            action = _action(bar, text)
            place = bar.actionGeometry(action).center()
            QTest.mouseClick(bar, LEFT, pos=place)
            spin(0.3)
            bar = action.menu()
        spin(1.0)

    def click(self, widget: QWidget, pos: QPoint | None = None) -> None:
        """Scroll to it and press; a gray one is reported with what it says."""
        _show(widget)
        end = time.monotonic() + 5
        while not widget.isEnabled():
            if time.monotonic() > end:
                raise RuntimeError(
                    f"{widget.objectName()} is gray: {widget.toolTip() or 'no reason'}"
                )
            spin(0.1)
        if not widget.isVisible():
            raise NotSeenError(f"{widget.objectName()} is not seen")
        QTest.mouseClick(widget, LEFT, pos=pos or widget.rect().center())

    def key(self, key: Any) -> None:
        """Press a key over the canvas."""
        QTest.keyClick(self.canvas.native, key)
        spin(0.02)

    def type_into(self, line: QLineEdit, text: str) -> None:
        """Write over what is in a field."""
        line.selectAll()
        QTest.keyClicks(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)
        spin(0.2)

    def go_to(self, z: int) -> None:
        """Another slice, by the arrow keys."""
        dims = self.viewer.dims
        while len(dims.point) > 2 and dims.current_step[0] != z:
            before = dims.current_step[0]
            self.key(Qt.Key.Key_Right if before < z else Qt.Key.Key_Left)
            if dims.current_step[0] == before:
                raise RuntimeError("the arrow keys do not change the slice")

    def stroke(self, path: Iterable[tuple[float, float]]) -> None:
        """Drag the mouse along voxels (y, x) of the shown slice."""
        places = [self._pixel(y, x) for y, x in path]
        self._mouse(QEvent.Type.MouseMove, places[0], held=False)
        self._mouse(QEvent.Type.MouseButtonPress, places[0])
        for place in [*places[1:], places[-1]]:
            spin(MOVE_SECONDS)
            self._mouse(QEvent.Type.MouseMove, place)
        self._mouse(QEvent.Type.MouseButtonRelease, places[-1], held=False)
        spin(0.05)

    def _pixel(self, y: float, x: float) -> QPointF:
        transform = self.canvas.view.transform * self.canvas.view.scene.transform
        scale = self.viewer.layers[0].scale[-2:]
        place = transform.map([x * scale[1], y * scale[0]])
        return QPointF(float(place[0]), float(place[1]))

    def _mouse(self, kind: QEvent.Type, where: QPointF, held: bool = True) -> None:
        widget = self.canvas.native
        none = Qt.MouseButton.NoButton
        button = none if kind == QEvent.Type.MouseMove else LEFT
        event = QMouseEvent(
            *(kind, where, widget.mapToGlobal(where), button, LEFT if held else none),
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(widget, event)

    def _answer(self) -> None:
        """Do what a dialog asks for, and keep a picture of it."""
        dialog = QApplication.activeModalWidget()
        if dialog is None or dialog.property("answered"):
            return
        dialog.setProperty("answered", True)
        self.count += 1
        name = f"{self.name}_{self.count:02}_dialog.png"
        dialog.grab().save(str(self.out / name))
        line = dialog.findChild(QLineEdit, "fileNameEdit")
        if line is not None:
            line.setText(str(self.folder))
            QTest.keyClick(line, Qt.Key.Key_Return)
            return
        if isinstance(dialog, QMessageBox):
            self.told.append(f"asked: {dialog.text()}")
        else:
            self.told.append(f"dialog: {dialog.windowTitle() or type(dialog).__name__}")
        box = dialog.findChild(QDialogButtonBox)
        buttons = box.buttons() if box else []
        for made in buttons:
            if made.text().replace("&", "") in ("OK", "Yes"):
                QTest.mouseClick(made, LEFT)
                return
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    def _on_told(self, event: Any) -> None:
        self.told.append(f"{event.severity}: {event.message}")


def _action(menu: Any, text: str) -> Any:
    for action in menu.actions():
        if action.text().replace("&", "").startswith(text):
            return action
    there = [action.text() for action in menu.actions()]
    raise RuntimeError(f"no {text} in the menu: {there}")


def _show(widget: QWidget) -> None:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parentWidget()
    spin(0.05)


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Let the window live until something is true; False where it never is."""
    end = time.monotonic() + seconds
    wait(lambda: done() or time.monotonic() > end)
    return done()


def longest(watch: Watch) -> dict[str, float]:
    """Milliseconds of the longest hold of the window in each step."""
    return {name: float(np.max(gaps)) for name, gaps in watch.gaps.items() if gaps}


__all__ = ["Hand", "longest", "until"]
