"""Clicks in the image, as against drags and strokes."""

import weakref
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

STILL = 3
"""Pixels that a hand may move during a click."""


class Clicks:
    """Tells of clicks of the left button where the hand is free.

    Parameters
    ----------
    act
        Gets the mouse event of napari when the button is let go.
    """

    def __init__(self, act: Callable[[Any], None]) -> None:
        self._act = act
        self._viewer: weakref.ref[Any] | None = None

    def listen(self, viewer: Any) -> None:
        """Begin, if it has not begun."""
        self.close()
        self._viewer = weakref.ref(viewer)
        viewer.mouse_drag_callbacks.append(self._on_press)

    def close(self) -> None:
        """End it."""
        viewer = None if self._viewer is None else self._viewer()
        if viewer is not None and self._on_press in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        active = viewer.layers.selection.active
        free = active is None or str(getattr(active, "mode", "pan_zoom")) == "pan_zoom"
        if event.button != 1 or not free:
            return
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - pressed).max() <= STILL:
            self._act(event)
