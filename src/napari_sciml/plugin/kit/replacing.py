"""Where a dock may write: decided as the commands decide it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_sciml.io.results.outputs import OursError

Buttons = QMessageBox.StandardButton


def sources(*layers: Any) -> list[Path]:
    """Files and folders that layers were read from; an output must not touch them."""
    paths = [layer.source.path for layer in layers if layer is not None]
    found = [Path(path) for path in paths if path is not None]
    return [path for path in found if path.exists()]


def write_or_ask(parent: QWidget, write: Callable[[bool], object]) -> None:
    """Write; where a result of ours of another kind is in the way, ask first.

    Parameters
    ----------
    parent
        Of the question.
    write
        Writes, or starts to; told whether the user insists on replacing.

    Raises
    ------
    InputError
        What ``write`` raises, but for the objection that was asked about.
    """
    try:
        write(False)
    except OursError as error:
        if _is_wanted(parent, error.out):
            write(True)


def _is_wanted(parent: QWidget, out: Path) -> bool:
    """Nothing is replaced by somebody who just presses Enter."""
    box = QMessageBox(parent)
    box.setObjectName("replace_question")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setTextFormat(Qt.TextFormat.PlainText)  # a name may look like markup
    box.setText(f"Replace {out.name}?")
    box.setInformativeText(f"{out} holds another result of this program.")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(Buttons.Cancel)
    box.setDefaultButton(Buttons.Cancel)
    box.exec()
    return box.clickedButton() is replace
