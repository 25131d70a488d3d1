"""Ways to look for clusters, and which one to select."""

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_sciml.exploring.config import Grouping
from napari_sciml.plugin.exploring.form import combo, spin
from napari_sciml.plugin.exploring.pictures import swatch
from napari_sciml.plugin.kit.widgets.controls import button

TITLES = {"kmeans": "KMeans", "hdbscan": "HDBSCAN"}
USUAL = {"kmeans": (6, "", " clusters"), "hdbscan": (50, "from ", "")}
"""Number, and what stands before and after it."""


class ClusterPanel(QWidget):
    """A row to look for clusters, and a list of those that there are."""

    asked = Signal(object)
    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.kind = combo("group_by", "How clusters are found.")
        for kind, title in TITLES.items():
            self.kind.addItem(title, kind)
        self.number = spin("group_number", 2, 100_000, 6, " clusters")
        self.number.setToolTip("Clusters of KMeans; least patches in one of HDBSCAN.")
        self.find = button("find_clusters", "Find", "Look for these clusters.")
        self.list = combo("select_cluster", "Select all patches of a cluster.")
        row = QHBoxLayout()
        for control in (self.kind, self.number, self.find):
            row.addWidget(control)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.list)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.find.clicked.connect(self._on_find)
        self.list.activated.connect(self._on_picked)

    @property
    def grouping(self) -> Grouping:
        """What the controls show."""
        return Grouping(kind=self.kind.currentData(), number=self.number.value())

    def show_clusters(self, clusters: np.ndarray) -> None:
        """List the clusters, with their colors and sizes."""
        self.list.clear()
        self.list.addItem("Select a cluster …", None)
        numbers, counts = np.unique(clusters, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            name = "In no cluster" if number < 0 else f"Cluster {number}"
            self.list.addItem(swatch(number), f"{name} ({count:,})", number)

    def redraw(self, *, idle: bool) -> None:
        """Show whether others can be looked for now."""
        for control in (self.kind, self.number, self.find):
            control.setEnabled(idle)

    def _on_kind(self, index: int) -> None:
        number, before, after = USUAL[self.kind.currentData()]
        self.number.setValue(number)
        self.number.setPrefix(before)
        self.number.setSuffix(after)

    def _on_find(self) -> None:
        self.asked.emit(self.grouping)

    def _on_picked(self, index: int) -> None:
        number = self.list.itemData(index)
        if number is not None:
            self.picked.emit(int(number))
