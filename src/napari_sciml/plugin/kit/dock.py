"""What all docks have in common."""

from typing import Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_sciml.plugin.kit.connections import Wiring
from napari_sciml.plugin.kit.scrolling import SPACING, ScrollingColumn
from napari_sciml.plugin.session import ViewerSession

PRIMARY = """
QPushButton { background-color: #0a6ebd; color: white; font-weight: 600;
              padding: 7px; border-radius: 3px; }
QPushButton:hover { background-color: #1481d6; }
QPushButton:disabled { background-color: #55606b; color: #b8bec4; }
QPushButton[running="true"] { background-color: #a63d40; }
QPushButton[running="true"]:hover { background-color: #c04a4d; }
"""
ERROR = "color: #ff8a5c; font-weight: 600;"
CAUTION = "color: #ffb347;"


class Dock(QWidget):
    """A column of controls over one line of errors.

    Parameters
    ----------
    napari_viewer
        Given by napari.

    Attributes
    ----------
    column
        Takes the controls; it scrolls.
    below
        Takes what is always seen.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.session = ViewerSession.of(napari_viewer)
        self.wiring = Wiring()
        self.destroyed.connect(self.wiring.close)
        self.session.attach(self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(10, 8, 10, 8)
        outer.setSpacing(SPACING)
        # All of it is higher than a small screen.
        area = ScrollingColumn()
        outer.addWidget(area)
        self.column, self.below = area.column, outer
        self.error = text_line("error_line", "What went wrong, and what to do.")
        self.error.setStyleSheet(ERROR)
        self.error.hide()

    def changeEvent(self, event: QEvent) -> None:
        """Notice when napari closes the dock: it takes us out, and forgets us."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            QTimer.singleShot(0, self._leave)

    def _leave(self) -> None:
        # Python would destroy the widget at some time or never; until then the last
        # dock would keep a training running that nobody can stop.
        if self.parent() is None:
            self.deleteLater()

    def show_error(self, text: str) -> None:
        """Show one sentence; an empty one hides the line."""
        self.error.setText(text)
        self.error.setVisible(bool(text))


def text_line(name: str, tooltip: str, text: str = "", *, rich: bool = False) -> QLabel:
    """Text that wraps and can be copied.

    Unless it is ``rich``, markup in it is shown as it is: names of files and classes
    may look like some.
    """
    label = QLabel(text)
    formats = Qt.TextFormat
    label.setTextFormat(formats.RichText if rich else formats.PlainText)
    label.setObjectName(name)
    label.setToolTip(tooltip)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def caution_line(name: str, tooltip: str) -> QLabel:
    """Text that a person should read before he trusts what is shown."""
    label = text_line(name, tooltip)
    label.setStyleSheet(CAUTION)
    return label


def button(name: str, text: str, tooltip: str) -> QPushButton:
    """A button with a name for scripts and a word of help."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    return made


def primary_button(name: str, text: str, tooltip: str) -> QPushButton:
    """The one button of a dock that does what the dock is for."""
    made = button(name, text, tooltip)
    made.setStyleSheet(PRIMARY)
    return made


def set_running(made: QPushButton, running: bool) -> None:
    """Let a primary button look like one that stops."""
    if made.property("running") != running:
        made.setProperty("running", running)
        made.style().unpolish(made)
        made.style().polish(made)
