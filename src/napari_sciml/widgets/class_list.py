"""The classes of an annotation with their colors and counts."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from napari_sciml.widgets.annotation import Annotation
from napari_sciml.widgets.counting import Counts

COLUMNS = ("Key", "Class", "Voxels", "Strokes")
NAME = 1


class ClassList(QTableWidget):
    """A row a class; the row number plus one is the label value."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.setObjectName("class_list")
        self.setToolTip(
            "Click a class to paint it, or press its number key. Double-click its name "
            "to change it."
        )
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_annotation(self, annotation: Annotation) -> None:
        """Show its classes and counts, and which one is painted."""
        blocked = self.blockSignals(True)
        self.setRowCount(len(annotation.class_names))
        for row, one in enumerate(annotation.classes.classes):
            self._fill_row(row, one.name, one.color, annotation.counts)
        rows = (
            self.verticalHeader().length() + self.horizontalHeader().sizeHint().height()
        )
        self.setFixedHeight(rows + 2 * self.frameWidth())
        if annotation.layer is not None:
            self.selectRow(int(annotation.layer.selected_label) - 1)
        self.blockSignals(blocked)

    def _fill_row(self, row: int, name: str, color: str, counts: Counts) -> None:
        label = row + 1
        numbers = (counts.voxels.get(label, 0), counts.strokes.get(label, 0))
        texts = (str(label), name, *(f"{n:,}" for n in numbers))
        for column, text in enumerate(texts):
            self.setItem(row, column, _item(text, editable=column == NAME))
        self.item(row, NAME).setIcon(_swatch(color))


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
    return QIcon(pixmap)
