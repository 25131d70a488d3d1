"""Lines of text and buttons as all docks have them."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from napari_sciml.plugin.kit.widgets.palette import Palette, follow, palette

PRIMARY = """
QPushButton { background-color: #0a6ebd; color: white; font-weight: 600;
              padding: 7px; border-radius: 3px; }
QPushButton:hover { background-color: #1481d6; }
QPushButton:disabled { background-color: rgba(128, 128, 128, 70); color: gray; }
QPushButton[running="true"] { background-color: #a63d40; }
QPushButton[running="true"]:hover { background-color: #c04a4d; }
"""


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
    follow(label, _as_caution)
    return label


def error_line(name: str, tooltip: str) -> QLabel:
    """Text that says what went wrong; hidden as long as nothing did."""
    label = text_line(name, tooltip)
    follow(label, _as_error)
    label.hide()
    return label


def set_grave(label: QLabel, grave: bool) -> None:
    """Let a line that tells good and bad look like one that warns, or plain."""
    if label.property("grave") is None:
        follow(label, _as_grave)
    label.setProperty("grave", grave)
    _as_grave(label, palette())


def _as_caution(label: QLabel, colors: Palette) -> None:
    label.setStyleSheet(f"color: {colors.caution};")


def _as_error(label: QLabel, colors: Palette) -> None:
    label.setStyleSheet(f"color: {colors.error}; font-weight: 600;")


def _as_grave(label: QLabel, colors: Palette) -> None:
    grave = label.property("grave")
    label.setStyleSheet(f"color: {colors.caution};" if grave else "")


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


def allow(made: QWidget, why_not: str = "") -> None:
    """Let a button or field be used, or be gray and say why.

    Parameters
    ----------
    made
        The control; its own help comes back when it can be used.
    why_not
        What has to happen first; empty where nothing has.
    """
    if made.property("help") is None:
        made.setProperty("help", made.toolTip())
    made.setEnabled(not why_not)
    made.setToolTip(why_not or made.property("help"))


def set_running(made: QPushButton, running: bool) -> None:
    """Let a primary button look like one that stops."""
    if made.property("running") != running:
        made.setProperty("running", running)
        made.style().unpolish(made)
        made.style().polish(made)
