"""What must not happen while viewers are closed, wherever it is told."""

import logging
import os
import sys
import threading
import time
import traceback
from typing import Any

from qtpy.QtCore import QtMsgType, qInstallMessageHandler

HARMLESS = (
    "propagateSizeHints",
    "This plugin does not support",
    "QSocketNotifier",
)
"""Qt says so of every window of a screen that is none."""


class Faults(logging.Handler):
    """Collects exceptions of all threads, and complaints of Qt, OpenGL and napari.

    Attributes
    ----------
    found
        Where it was told, and what.
    drawing
        The same of drawings that failed without any of our functions at work: vispy
        and napari do so alone, when one of two viewers loses layers.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        from napari.utils.notifications import notification_manager

        self.found: list[tuple[str, str]] = []
        self.drawing: list[tuple[str, str]] = []
        self._seen: dict[tuple[str, str], int] = {}
        sys.excepthook = self._on_exception
        sys.unraisablehook = self._on_unraisable
        threading.excepthook = self._on_thread
        qInstallMessageHandler(self._on_qt)
        for name in ("", "vispy", "napari", "napari_sciml"):
            logging.getLogger(name).addHandler(self)
        notification_manager.notification_ready.connect(self._on_told)

    def add(self, where: str, what: str) -> None:
        """Take down a fault, and show it the first time."""
        alone = "/napari_sciml/" not in what
        drawn = where == "log vispy" or "in paintGL" in what
        (self.drawing if alone and drawn else self.found).append((where, what))
        times = self._seen[where, what] = self._seen.get((where, what), 0) + 1
        if times == 1:
            print(f"FAULT {where}: {what}", file=sys.stderr, flush=True)

    def note(self, what: str) -> None:
        """Tell what is done now, where somebody looks for the cause of a crash."""
        if os.environ.get("TELL"):
            print(f"{time.monotonic():.2f} {what}", file=sys.stderr, flush=True)

    def watch(self, viewer: Any) -> None:
        """From now on nobody of ours may touch the viewer or its layers."""
        signals = [viewer.layers.events.inserted]
        for layer in viewer.layers:
            signals += [layer.events.set_data, layer.events.data, layer.events.metadata]
        for signal in signals:
            signal.connect(self._on_late)

    def emit(self, record: logging.LogRecord) -> None:
        """A logged warning or error; our own jobs log what fails in them."""
        if record.levelno >= logging.ERROR or record.name.startswith("vispy"):
            text = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                text += "".join(traceback.format_exception(record.exc_info[1]))
            self.add(f"log {record.name}", text)

    def _on_exception(self, kind: Any, error: BaseException, trace: Any) -> None:
        self.add("exception", "".join(traceback.format_exception(error)))

    def _on_unraisable(self, told: Any) -> None:
        error = "".join(traceback.format_exception(told.exc_value))
        self.add("unraisable", f"{told.err_msg} {told.object!r} {error}")

    def _on_thread(self, told: Any) -> None:
        self.add("thread", "".join(traceback.format_exception(told.exc_value)))

    def _on_qt(self, kind: Any, context: Any, text: str) -> None:
        bad = (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg)
        if kind in bad and not any(words in text for words in HARMLESS):
            self.add("Qt", text)

    def _on_told(self, event: Any) -> None:
        if str(event.severity) == "error":
            self.add("napari", event.message)

    def _on_late(self, event: Any) -> None:
        stack = traceback.extract_stack()
        ours = [line for line in stack if "/napari_sciml/" in line.filename]
        if ours:
            self.add("late", "".join(traceback.format_list(ours)))
