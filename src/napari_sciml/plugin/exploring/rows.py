"""Controls side by side, and buttons that stay down."""

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_sciml.plugin.kit.widgets.controls import button


def toggle(name: str, text: str, tooltip: str) -> QPushButton:
    """A button that is on or off."""
    made = button(name, text, tooltip)
    made.setCheckable(True)
    return made


def in_row(*controls: QWidget) -> QWidget:
    """Put controls side by side."""
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    for control in controls:
        line.addWidget(control)
    return row
