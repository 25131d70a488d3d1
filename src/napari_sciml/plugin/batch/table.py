"""The list of files, with a column for each step."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget
from qtpy.QtWidgets import QTableWidgetItem as Item

from napari_sciml.io.results.batch_record import Command
from napari_sciml.plugin.batch.controller import FileRow
from napari_sciml.progress import duration

STEPS: dict[Command, str] = {
    "predict": "Predicted",
    "threshold": "Sure",
    "fibers": "Fibers",
}
HEADERS = ("Image", *STEPS.values(), "What to know")
STATES = {"done": "done", "kept": "was there", "failed": "failed"}


class FilesTable(QTableWidget):
    """Shows what became of each file; files can be dropped on it."""

    dropped = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, len(HEADERS))
        self.setObjectName("files")
        self.setToolTip("The images; drop files and folders here.")
        self.setHorizontalHeaderLabels(HEADERS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAcceptDrops(True)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 220)
        header.setStretchLastSection(True)
        self._rows: Sequence[FileRow] = ()

    @property
    def chosen(self) -> list[FileRow]:
        """The rows that are selected."""
        numbers = {index.row() for index in self.selectedIndexes()}
        return [row for n, row in enumerate(self._rows) if n in numbers]

    def show_rows(self, rows: Sequence[FileRow], steps: Sequence[Command]) -> None:
        """Show files, and the steps that are wanted."""
        self._rows = tuple(rows)
        self.setRowCount(len(rows))
        for column, step in enumerate(STEPS, start=1):
            self.setColumnHidden(column, step not in steps)
        for number, row in enumerate(rows):
            cells = (row.path.name, *(_state(row, step) for step in STEPS), row.words)
            tips = (str(row.path), *(_time(row, step) for step in STEPS), row.words)
            for column, (text, tip) in enumerate(zip(cells, tips, strict=True)):
                self._set(number, column, text, tip)

    def _set(self, row: int, column: int, text: str, tip: str) -> None:
        item = self.item(row, column)
        if item is None:
            item = Item()
            self.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)
        item.setToolTip(tip)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Take files, wherever they are dropped."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell which files were dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls()]
        self.dropped.emit([path for path in paths if path])
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()


def _state(row: FileRow, step: Command) -> str:
    ended = row.ended.get(step)
    if ended is None:
        return ""
    if step == "fibers" and "fibers" in ended.summary:
        return f"{ended.summary['fibers']:,}"
    return STATES[ended.state]


def _time(row: FileRow, step: Command) -> str:
    ended = row.ended.get(step)
    return "" if ended is None else f"{STATES[ended.state]}, {duration(ended.seconds)}"
