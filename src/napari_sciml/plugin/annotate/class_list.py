"""The classes of an annotation with their colors and counts."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from napari_sciml.plugin.state.labels.annotation import Annotation

COLUMNS = ("Key", "Class", "Voxels", "Strokes")
NAME = 1


class ClassList(QTableWidget):
    """A row a class; the row number plus one is the label value."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.setObjectName("class_list")
        self.setToolTip(
            "Click a class to paint it, or press its number key. Double-click its name "
            "to change it; right-click for more."
        )
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_annotation(self, annotation: Annotation) -> None:
        """Show its classes and counts, and which one is painted."""
        blocked = self.blockSignals(True)
        table, counts = annotation.classes, annotation.counts
        self.setRowCount(len(table))
        for row, one in enumerate(table.classes):
            numbers = (counts.voxels, counts.strokes)
            shown = [f"{number.get(row + 1, 0):,}" for number in numbers]
            for column, text in enumerate((str(row + 1), one.name, *shown)):
                self._fill(row, column, text)
            self._color(row, one.color)
        rows = (
            self.verticalHeader().length() + self.horizontalHeader().sizeHint().height()
        )
        self.setFixedHeight(rows + 2 * self.frameWidth())
        if annotation.layer is not None:
            self._choose(int(annotation.layer.selected_label) - 1)
        self.blockSignals(blocked)

    def edit_name(self, label: int) -> None:
        """Let the user type another name."""
        item = self.item(label - 1, NAME)
        # Another name that is open is taken as it is.
        self.setCurrentItem(item)
        self.editItem(item)

    def _choose(self, row: int) -> None:
        """Select what is not selected only: it would end an edit, too."""
        if not self.selectionModel().isRowSelected(row):
            self.selectRow(row)

    def _fill(self, row: int, column: int, text: str) -> None:
        """Change what is different only: a new item would end an edit."""
        item = self.item(row, column)
        if item is None:
            self.setItem(row, column, _item(text, editable=column == NAME))
        elif item.text() != text:
            item.setText(text)

    def _color(self, row: int, color: str) -> None:
        item = self.item(row, NAME)
        if item.data(Qt.ItemDataRole.UserRole) != color:
            item.setData(Qt.ItemDataRole.UserRole, color)
            item.setIcon(_swatch(color))


def _item(text: str, *, editable: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    if not editable:
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
        item.setTextAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
    return item


def _swatch(color: str) -> QIcon:
    pixmap = QPixmap(14, 14)
    pixmap.fill(QColor(color))
    icon = QIcon(pixmap)
    # Qt would tint it in the chosen row.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
