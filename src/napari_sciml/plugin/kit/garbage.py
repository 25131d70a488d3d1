"""Lets Python look for garbage in the GUI thread alone."""

import gc
import time

from qtpy.QtCore import QCoreApplication, QObject, QTimer

LOOK_MS = 100
FULL_SECONDS = 30.0
"""Looking through all of torch and napari takes a quarter of a second."""


class GuiGarbage(QObject):
    """Takes the search for garbage from Python and does it in the GUI thread.

    A closed window is a knot of Python objects that only this search unties. Python
    does it in whichever thread happens to make the next object: in a training, that
    deletes windows and their OpenGL contexts under Qt's feet.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last_full = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def take_over(self) -> None:
        """Begin; called in the GUI thread, as often as one likes."""
        app = QCoreApplication.instance()
        if app is None:
            return
        gc.disable()
        if self._timer.isActive():
            return
        self._timer.start()
        app.aboutToQuit.connect(self.give_back)

    def give_back(self) -> None:
        """The event loop ends, so nobody would look any more."""
        self._timer.stop()
        gc.enable()

    def look(self) -> None:
        """Do what Python would have done by now."""
        gc.disable()  # once more: some libraries enable it when they are done
        young, middle, _ = gc.get_count()
        limits = gc.get_threshold()
        if young <= limits[0]:
            return
        if time.monotonic() - self._last_full > FULL_SECONDS:
            gc.collect()
            self._last_full = time.monotonic()
        else:
            gc.collect(1 if middle > limits[1] else 0)


_of_program: list[GuiGarbage] = []


def collect_in_gui_thread() -> None:
    """Let no other thread look for garbage, from now on."""
    if not _of_program:
        _of_program.append(GuiGarbage())
    _of_program[0].take_over()
