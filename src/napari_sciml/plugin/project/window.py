"""The list of projects: open, rename, copy, delete."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QMessageBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.errors import InputError, one_line
from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    error_line,
    primary_button,
    text_line,
)
from napari_sciml.project.places import delete, rename
from napari_sciml.workflows.project_list import ProjectRow, list_projects
from napari_sciml.workflows.projects import ProjectCopied, copy_project

HEADERS = ("Image", "Changed", "Strokes", "Models", "Size")
PICTURE = 48
IN_USE = "It is open in a viewer: close it there first."


class ProjectsWindow(QDialog):
    """Shows what is in the folder of projects.

    Parameters
    ----------
    parent
        Of the window.
    open_folder
        Opens a project; raises `InputError` where it cannot.
    """

    def __init__(self, parent: QWidget, open_folder: Callable[[Path], None]) -> None:
        super().__init__(parent)
        self.setObjectName("projects_window")
        self.setWindowTitle("Projects")
        self.resize(720, 420)
        self._open_folder = open_folder
        self.rows: list[ProjectRow] = []
        self._runner = JobRunner()
        self.destroyed.connect(self._runner.silence)
        self._runner.yielded.connect(self._on_event)
        self._runner.failed.connect(self.show_error)
        self._runner.finished.connect(self._on_finished)
        self._copied = False
        self._make_controls()
        self._lay_out()
        self.refresh()

    def _make_controls(self) -> None:
        self.table = QTableWidget(0, len(HEADERS))
        self.table.setObjectName("projects")
        self.table.setToolTip("Your projects, the newest first; double-click opens.")
        self.table.setHorizontalHeaderLabels(HEADERS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setIconSize(QSize(PICTURE, PICTURE))
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.status = text_line("projects_status", "How many there are.")
        self.error = error_line("projects_error", "What went wrong, and what to do.")
        self.open = primary_button("open_listed", "Open", "Go on with this project.")
        self.rename = button("rename_project", "Rename…", "Give it another name.")
        self.copy = button("copy_project", "Copy…", "Copy it into another folder.")
        self.delete = button("delete_project", "Delete…", "Remove it from the disk.")
        self.other = button(
            "open_other_folder", "Other folder…", "Open a project from anywhere."
        )

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        for widget in (self.table, self.status, self.error):
            column.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.open, 1)
        for control in (self.rename, self.copy, self.delete, self.other):
            row.addWidget(control)
        column.addLayout(row)
        self.table.itemSelectionChanged.connect(self.redraw)
        self.table.cellDoubleClicked.connect(self._on_open)
        for control, slot in (
            (self.open, self._on_open),
            (self.rename, self._on_rename),
            (self.copy, self._on_copy),
            (self.delete, self._on_delete),
            (self.other, self._on_other),
        ):
            control.clicked.connect(slot)

    @property
    def chosen(self) -> ProjectRow | None:
        """The row that is selected."""
        numbers = {index.row() for index in self.table.selectedIndexes()}
        return self.rows[min(numbers)] if numbers else None

    def refresh(self) -> None:
        """Look again what there is."""
        if not self._runner.busy:
            self.rows = []
            self.table.setRowCount(0)
            self._runner.start(list_projects)
        self.redraw()

    def done(self, result: int) -> None:
        """Stop what runs when the window goes."""
        self._runner.stop()
        super().done(result)

    def redraw(self) -> None:
        """Show how things are now."""
        row, busy = self.chosen, self._runner.busy
        none = "" if row is not None else "Choose a project in the list."
        in_use = IN_USE if row is not None and row.in_use else ""
        reading = "Wait until all projects are read." if busy else ""
        allow(self.open, none or in_use)
        for control in (self.rename, self.delete):
            allow(control, none or in_use or reading)
        allow(self.copy, none or reading)
        total = sum(one.size for one in self.rows)
        count = len(self.rows)
        text = f"{count} project{'' if count == 1 else 's'}, {_size(total)}."
        self.status.setText(f"Reading … {text}" if busy else text)

    def show_error(self, sentence: str) -> None:
        """Show one sentence; an empty one hides the line."""
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    def rename_to(self, name: str) -> None:
        """Give the chosen project another name."""
        self._change(lambda row: rename(row.project, name))

    def delete_chosen(self) -> None:
        """Remove the chosen project from the disk."""
        self._change(lambda row: delete(row.project))

    def copy_to(self, target: str) -> None:
        """Copy the chosen project."""
        row = self.chosen
        if row is not None:
            self.show_error("")
            folder = row.project.folder
            self._runner.start(copy_project, folder, Path(target), lambda: True)
            self.redraw()

    def _change(self, change: Callable[[ProjectRow], object]) -> None:
        row = self.chosen
        if row is None:
            return
        self.show_error("")
        try:
            change(row)
        except (InputError, OSError) as error:
            self.show_error(one_line(error))
        self.refresh()

    def _on_open(self, *_: int) -> None:
        row = self.chosen
        if row is not None:
            self._try_open(row.project.folder)

    def _on_other(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of a project")
        if path:
            self._try_open(Path(path))

    def _try_open(self, folder: Path) -> None:
        if attempt(self._open_folder, folder, tell=self.show_error):
            self.accept()

    def _on_rename(self) -> None:
        row = self.chosen
        if row is not None:
            old = row.project.folder.name.rpartition("-")[0]
            name, sure = QInputDialog.getText(self, "Rename", "Name:", text=old)
            if sure:
                self.rename_to(name)

    def _on_copy(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Copy to a new folder", "project")
        if path:
            self.copy_to(path)

    def _on_delete(self) -> None:
        row = self.chosen
        if row is None:
            return
        box = QMessageBox(self)
        box.setObjectName("delete_question")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"Delete the project of {row.image}?")
        box.setInformativeText(
            f"{row.strokes} strokes and {row.models} models ({_size(row.size)}) in "
            f"{row.project.folder} are lost. The image stays where it is."
        )
        wanted = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is wanted:
            self.delete_chosen()

    def _on_event(self, event: ProjectRow | ProjectCopied | None) -> None:
        if isinstance(event, ProjectRow):
            self._add(event)
        elif isinstance(event, ProjectCopied):
            self._copied = True

    def _on_finished(self) -> None:
        again, self._copied = self._copied, False
        if again:
            self.refresh()
        self.redraw()

    def _add(self, row: ProjectRow) -> None:
        number = len(self.rows)
        self.rows.append(row)
        self.table.insertRow(number)
        cells = (
            row.image,
            _time(row.time),
            f"{row.strokes:,}",
            f"{row.models:,}",
            _size(row.size),
        )
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(str(row.project.folder))
            if column >= 2:
                side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                item.setTextAlignment(side)
            self.table.setItem(number, column, item)
        if row.picture is not None:
            self.table.item(number, 0).setIcon(_icon(row.picture))
        self.table.setRowHeight(number, PICTURE + 4)
        if number == 0:
            self.table.selectRow(0)
        self.redraw()


def _icon(picture: np.ndarray) -> QIcon:
    pixels = np.ascontiguousarray(picture)
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_RGB888
    image = QImage(pixels.tobytes(), width, height, 3 * width, kind).copy()
    return QIcon(QPixmap.fromImage(image))


def _time(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def _size(count: int) -> str:
    size: Any = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
