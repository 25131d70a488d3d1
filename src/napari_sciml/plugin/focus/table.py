"""The table of tiles as Qt sees it."""

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QStyle, QTableView

from napari_sciml.focus.rating.result import FocusResult

FORMATS = {
    "Plane": "{:.0f}",
    "y": "{:.0f}",
    "x": "{:.0f}",
    "Level": "{:.1f}",
    "Certain": "{:.2f}",
    "In focus": "{:.2f}",
}
HELP = {
    "Plane": "Along the first axis of the stack, from 0",
    "Frame": "Along the first axis of the stack, from 0",
    "y": "First pixel of the tile",
    "x": "First pixel of the tile",
    "Level": "Expected level: 0 is sharp, 10 a blur of 31 pixels",
    "Certain": "How much the tile tells: 0 nothing, 1 all; blank tiles tell nothing",
    "In focus": "Probability that the blur is 7 pixels or less (levels 0 to 2)",
}
PADDING = 12
"""Pixels round a number."""


class FocusTableModel(QAbstractTableModel):
    """Read-only view of the tiles; it sorts by itself, as there are many."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._values = np.zeros((0, 0))
        self._blank = np.zeros(0, bool)
        self._order = np.zeros(0, np.int64)
        self._shape: tuple[int, ...] = ()

    def show(self, result: FocusResult | None, planes: str = "plane") -> None:
        """Show the tiles of a rating, or none."""
        self.beginResetModel()
        self._names, self._order = [], np.zeros(0, np.int64)
        if result is not None:
            self._fill(result, planes)
        self.endResetModel()

    def _fill(self, result: FocusResult, planes: str) -> None:
        self._shape = result.level.shape
        places = np.indices(self._shape).reshape(len(self._shape), -1)
        lead = len(self._shape) - 2
        self._names = [planes.capitalize()] * lead
        self._names += ["y", "x", "Level", "Certain", "In focus"]
        columns = [
            *places[:lead],
            result.ys[places[-2]],
            result.xs[places[-1]],
            result.expected.ravel(),
            result.certainty.ravel(),
            result.p_in_focus.ravel(),
        ]
        self._values = np.stack([np.asarray(c, np.float64) for c in columns])
        self._blank = result.blank.ravel()
        self._order = np.arange(self._values.shape[1])

    def tile(self, row: int) -> tuple[int, ...]:
        """Index of the tile in a row: plane, row and column of tiles."""
        return tuple(int(n) for n in np.unravel_index(self._order[row], self._shape))

    def widest(self, column: int) -> str:
        """Text of a column that takes the most room."""
        values = self._values[column]
        return self._text(column, float(values.max())) if len(values) else ""

    def row_of(self, tile: tuple[int, ...]) -> int:
        """Row in which a tile is now."""
        flat = np.ravel_multi_index(tile, self._shape)
        return int(np.flatnonzero(self._order == flat)[0])

    def first_of(self, plane: int) -> int | None:
        """First row of a plane of a stack."""
        planes = np.unravel_index(self._order, self._shape)[0]
        found = np.flatnonzero(planes == plane)
        return int(found[0]) if len(found) else None

    def sort(  # noqa: D102
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        if not 0 <= column < len(self._names):
            return
        self.beginResetModel()  # a row is another tile now
        values = self._values[column]
        if order == Qt.SortOrder.DescendingOrder:
            values = -values
        self._order = np.argsort(values, kind="stable")
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self._names)

    def data(self, index: QModelIndex, role: int = 0) -> Any:  # noqa: D102
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        tile = self._order[index.row()] if index.isValid() else 0
        if role == Qt.ItemDataRole.ToolTipRole:
            return "Nothing to see in this tile." if self._blank[tile] else None
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        name = self._names[index.column()]
        if self._blank[tile] and name in ("Level", "In focus"):
            return "-"
        return self._text(index.column(), self._values[index.column(), tile])

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = 0
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self._names):
            return None
        name = self._names[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        return HELP.get(name) if role == Qt.ItemDataRole.ToolTipRole else None

    def _text(self, column: int, value: float) -> str:
        return FORMATS.get(self._names[column], "{:.0f}").format(value)


class FocusTable(QTableView):
    """A sortable table that tells which tile is chosen."""

    chosen = Signal(tuple)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("focus_table")
        self.setToolTip(
            "Click a row to go to its tile, or a tile in the image to find its row; "
            "click a header to sort."
        )
        self._model = FocusTableModel()
        self.setModel(self._model)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)  # bold is wider
        header.sortIndicatorChanged.connect(self._spread)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        self.setMinimumHeight(100)
        self.selectionModel().currentRowChanged.connect(self._on_row)

    def show_tiles(self, result: FocusResult | None, planes: str = "plane") -> None:
        """Show the tiles of a rating."""
        self._model.show(result, planes)
        header = self.horizontalHeader()
        if 0 <= header.sortIndicatorSection() < self._model.columnCount():
            self._model.sort(header.sortIndicatorSection(), header.sortIndicatorOrder())
        self._spread()
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """As wide as its columns: headers and numbers are read, not guessed."""
        around = self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
        width = sum(self._needed()) + self._arrow() + around
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Spread the columns over the room that there is."""
        super().resizeEvent(event)
        self._spread()

    def scroll_to_plane(self, plane: int) -> None:
        """Bring the first tile of a plane to the top, as the table is sorted now."""
        row = self._model.first_of(plane)
        if row is not None:
            top = QAbstractItemView.ScrollHint.PositionAtTop
            self.scrollTo(self._model.index(row, 0), top)

    def choose(self, tile: tuple[int, ...]) -> None:
        """Select the row of a tile, and scroll there; tells nobody."""
        row = self._model.row_of(tile)
        blocked = self.blockSignals(True)
        self.selectRow(row)
        self.blockSignals(blocked)
        middle = QAbstractItemView.ScrollHint.PositionAtCenter
        self.scrollTo(self._model.index(row, 0), middle)

    def _needed(self) -> list[int]:
        """Width of each column that nothing in it is cut at, less the arrow."""
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        return [
            max(
                header.sectionSizeHint(column) - self._arrow(),
                metrics.horizontalAdvance(self._model.widest(column)) + PADDING,
            )
            for column in range(self._model.columnCount())
        ]

    def _arrow(self) -> int:
        """Room for the sort arrow, which Qt keeps in every header."""
        mark = QStyle.PixelMetric.PM_HeaderMarkSize
        return int(self.style().pixelMetric(mark, None, self.horizontalHeader()))

    def _spread(self, *_: object) -> None:
        needed = self._needed()
        header = self.horizontalHeader()
        if 0 <= header.sortIndicatorSection() < len(needed):
            needed[header.sortIndicatorSection()] += self._arrow()
        over = max(0, self.viewport().width() - sum(needed))
        for column, width in enumerate(needed):
            more = over // (len(needed) - column)  # to the last pixel
            over -= more
            header.resizeSection(column, width + more)

    def _on_row(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self.chosen.emit(self._model.tile(now.row()))
