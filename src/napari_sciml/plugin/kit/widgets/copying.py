"""What a button does, to be copied for a terminal or a script."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QAction, QGuiApplication
from qtpy.QtWidgets import QPushButton

from napari_sciml.workflows.recipes import Recipe

HINT = "Right-click: copy it as a command or as Python."


class RecipeMenu(QObject):
    """Two entries in the menu of a button; the button owns it.

    Parameters
    ----------
    made
        The button.
    recipe
        Tells what it would do now.
    """

    def __init__(self, made: QPushButton, recipe: Callable[[], Recipe]) -> None:
        super().__init__(made)
        self._recipe = recipe
        made.setToolTip(f"{made.toolTip()}\n{HINT}".strip())
        made.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for name, text, slot in (
            ("copy_command", "Copy as command", self.copy_command),
            ("copy_python", "Copy as Python", self.copy_python),
        ):
            action = QAction(text, made)
            action.setObjectName(name)
            action.triggered.connect(slot)
            made.addAction(action)

    def copy_command(self) -> None:
        """Lines for a shell."""
        QGuiApplication.clipboard().setText(self._recipe().command)

    def copy_python(self) -> None:
        """Lines of Python."""
        QGuiApplication.clipboard().setText(self._recipe().python)


def path_of(layer: Any) -> str | None:
    """File that a layer was read from."""
    path = None if layer is None else layer.source.path
    return None if path is None else str(path)
