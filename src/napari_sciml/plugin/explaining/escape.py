"""The key that ends a mode, pressed in the canvas."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt


class EscapeInCanvas(QObject):
    """Acts on Escape before the active layer takes it, which may have a use for it.

    Parameters
    ----------
    act
        What to do.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act
        self._canvas: Any = None

    def listen(self, viewer: Any) -> None:
        """Begin, if it has not begun."""
        self.close()
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        self._canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
        if self._canvas is not None:
            self._canvas.native.installEventFilter(self)

    def close(self) -> None:
        """End it."""
        canvas, self._canvas = self._canvas, None
        if canvas is not None:
            canvas.native.removeEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Look at what the canvas gets."""
        pressed = event.type() == QEvent.Type.KeyPress
        if pressed and event.key() == Qt.Key.Key_Escape:
            self._act()
            return True
        return False
