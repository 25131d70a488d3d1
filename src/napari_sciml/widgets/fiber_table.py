"""The table of fibers as Qt sees it."""

from typing import Any

import pandas as pd
from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

SORT_ROLE = int(Qt.ItemDataRole.UserRole)
HEADERS = {
    "label": "No.",
    "length": "Length",
    "radius": "Radius",
    "theta_deg": "θ (°)",
    "phi_deg": "φ (°)",
    "mean_confidence": "Conf.",
    "touches_border": "Border",
}
HELP = {
    "label": "Number in the layer Fibers",
    "length": "End to end",
    "theta_deg": "Angle from the z axis",
    "phi_deg": "Azimuth from x towards y",
    "mean_confidence": "Mean probability of its voxels",
    "touches_border": "Whether it goes on outside of the image",
}


class FiberTableModel(QAbstractTableModel):
    """Read-only view of a DataFrame."""

    def __init__(self) -> None:
        super().__init__()
        self._table = pd.DataFrame()

    def show(self, table: pd.DataFrame) -> None:
        """Show another table."""
        self.beginResetModel()
        self._table = table[[name for name in HEADERS if name in table]]
        self.endResetModel()

    def label(self, row: int) -> int:
        """Number of the fiber in a row."""
        return int(self._table["label"].iloc[row])

    def row(self, label: int) -> int | None:
        """Row of a fiber."""
        found = (self._table["label"] == label).to_numpy().nonzero()[0]
        return int(found[0]) if len(found) else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self._table)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return self._table.shape[1]

    def data(self, index: QModelIndex, role: int = 0) -> Any:  # noqa: D102
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role not in (Qt.ItemDataRole.DisplayRole, SORT_ROLE):
            return None
        value: Any = self._table.iat[index.row(), index.column()]
        return float(value) if role == SORT_ROLE else _text(value)

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = 0
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= self.columnCount():
            return None
        name = self._table.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[name]
        return HELP.get(name) if role == Qt.ItemDataRole.ToolTipRole else None


class FiberTable(QTableView):
    """A sortable table that tells which fiber is chosen."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fiber_table")
        self.setToolTip("Click a fiber to go to it; click a header to sort.")
        self._model = FiberTableModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(SORT_ROLE)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(30)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        self.setMinimumHeight(150)
        self.clicked.connect(self._on_clicked)

    def show_fibers(self, table: pd.DataFrame) -> None:
        """Show a table of `measure_fibers`."""
        self._model.show(table)

    def choose(self, label: int) -> None:
        """Select the row of a fiber."""
        row = self._model.row(label)
        if row is not None:
            place = self._sorted.mapFromSource(self._model.index(row, 0))
            self.selectRow(place.row())
            self.scrollTo(place)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.chosen.emit(self._model.label(self._sorted.mapToSource(index).row()))


def _text(value: Any) -> str:
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}"
