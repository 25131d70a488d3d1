"""Knows that a viewer goes away, while Qt still has all of it."""

import atexit
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

_waiting: "weakref.WeakSet[Farewell]" = weakref.WeakSet()


class Farewell(QObject):
    """Calls a method once, before the window of a viewer is taken apart.

    Qt deletes the canvas with its OpenGL context before the docks, so a dock that is
    told that it is destroyed is told too late: whoever draws a layer then draws into
    a window that is not there. The closing of the window can still be refused; that
    it is to be deleted cannot.

    Parameters
    ----------
    viewer
        Of napari; one without a window goes away with the program.
    leave
        A bound method, held weakly.
    """

    def __init__(self, viewer: Any, leave: Callable[[], None]) -> None:
        super().__init__()
        self._leave: weakref.WeakMethod[Any] | None = weakref.WeakMethod(leave)
        self._window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        if self._window is not None:
            self._window.installEventFilter(self)
            self._window._qt_viewer.installEventFilter(self)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.tell)
        _waiting.add(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look for the events after which there is no way back."""
        if event is not None:
            kind, window = event.type(), watched is self._window
            # napari closes the inner widget only where nobody is asked any more.
            end = QEvent.Type.DeferredDelete if window else QEvent.Type.Close
            if kind == end:
                self.tell()
        return False

    def tell(self) -> None:
        """Call the method, unless that was done before."""
        waiting, self._leave, self._window = self._leave, None, None
        leave = None if waiting is None else waiting()
        if leave is not None:
            leave()


def is_closing(viewer: Any) -> bool:
    """Whether ``viewer.close()`` is at work, which first deletes all layers.

    There is no signal of it, but napari stops its slicer before anything else.
    """
    executor = getattr(getattr(viewer, "_layer_slicer", None), "_executor", None)
    return bool(getattr(executor, "_shutdown", False))


@atexit.register
def _tell_all() -> None:
    """Windows may be open when Python ends; Qt then deletes things in any order."""
    for farewell in list(_waiting):
        with suppress(RuntimeError):
            farewell.tell()
