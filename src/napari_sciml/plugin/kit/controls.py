"""Lines of text and buttons as all docks have them."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy

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
