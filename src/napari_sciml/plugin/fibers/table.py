"""The table of fibers as Qt sees it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_sciml.plugin.fibers.columns import COLUMNS, cell_text

LOOKED_AT = 50
"""Rows that decide the width of a column."""


class FiberTableModel(QAbstractTableModel):
    """Read-only, sortable view of a DataFrame.

    It sorts by itself: a proxy of Qt asks Python for each comparison, which takes
    seconds with 15,000 fibers, and puts unknown numbers anywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._columns: list[np.ndarray] = []
        self._headers: list[str] = []
        self._order = np.zeros(0, np.int64)
        self._sorted_by = (0, Qt.SortOrder.AscendingOrder)

    def show(self, table: pd.DataFrame, unit: str, ndim: int) -> None:
        """Show another table, sorted as the one before."""
        self.beginResetModel()
        self._names = [name for name in COLUMNS if name in table]
        self._columns = [table[name].to_numpy() for name in self._names]
        self._headers = [COLUMNS[name].header(unit, ndim) for name in self._names]
        self._order = np.arange(len(table))
        self._sort()
        self.endResetModel()

    @property
    def labels(self) -> np.ndarray:
        """Number of the fiber in each row."""
        if not self._columns:
            return np.zeros(0, np.int64)
        return self._columns[0][self._order]

    def sort(  # noqa: D102
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        self.beginResetModel()
        self._sorted_by = column, order
        self._sort()
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self._columns)

    def data(self, index: QModelIndex, role: int = 0) -> Any:  # noqa: D102
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return cell_text(self._columns[index.column()][self._order[index.row()]])

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = 0
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self._names):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[self._names[section]].help
        return None

    def _sort(self) -> None:
        column, order = self._sorted_by
        if not 0 <= column < len(self._columns):
            return
        values = self._columns[column].astype(np.float64)
        # Unknown numbers stay last, whichever way.
        down = order == Qt.SortOrder.DescendingOrder
        self._order = np.argsort(-values if down else values, kind="stable")


class FiberTable(QTableView):
    """A sortable table that tells which fibers are chosen."""

    chosen = Signal(tuple)
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fiber_table")
        self.setToolTip(
            "Click a fiber to go to it, a header to sort. Shift or Ctrl and a click "
            "select several."
        )
        self._model = FiberTableModel()
        self._told = True
        self.setModel(self._model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(34)
        header.setResizeContentsPrecision(LOOKED_AT)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        self.setMinimumHeight(120)
        self.selectionModel().selectionChanged.connect(self._on_selected)
        self._model.modelReset.connect(self._on_reset)
        self._labels: tuple[int, ...] = ()

    def show_fibers(
        self, table: pd.DataFrame, unit: str = "pixel", ndim: int = 3
    ) -> None:
        """Show a table of `measure_fibers`; the selection stays where it can."""
        columns = self._model.columnCount()
        self._model.show(table, unit, ndim)
        if self._model.columnCount() != columns:
            self.resizeColumnsToContents()

    def choose(self, labels: Iterable[int]) -> None:
        """Select the rows of fibers, and scroll to the last one; tells nobody."""
        self._labels = tuple(labels)
        rows = np.flatnonzero(np.isin(self._model.labels, self._labels))
        selection = QItemSelection()
        for row in rows.tolist():
            index = self._model.index(row, 0)
            selection.select(index, index)
        flags = QItemSelectionModel.SelectionFlag
        self._told = False
        self.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)
        self._told = True
        if self._labels and len(rows):
            last = np.flatnonzero(self._model.labels == self._labels[-1])
            row = int(last[0] if len(last) else rows[0])
            index = self._model.index(row, 0)
            self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def _on_selected(self, *_: object) -> None:
        if not self._told:
            return
        rows = [index.row() for index in self.selectionModel().selectedRows()]
        found = set(self._model.labels[rows].tolist())
        # In the order in which they were selected, so that the last one is shown.
        kept = [name for name in self._labels if name in found]
        self._labels = (*kept, *sorted(found - set(kept)))
        self.chosen.emit(self._labels)

    def _on_reset(self) -> None:
        self.choose(self._labels)
