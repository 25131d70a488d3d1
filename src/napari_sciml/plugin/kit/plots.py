"""Small live plots."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

AXIS = "#9aa4ae"
ALL = "#4a525b"


def plot(name: str, tooltip: str, *, x: str, y: str, height: int) -> pg.PlotWidget:
    """An empty plot with named axes that cannot be dragged out of sight."""
    made = pg.PlotWidget(background=None)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setFixedHeight(height)
    made.setMinimumWidth(200)
    give_way(made)
    item = made.getPlotItem()
    item.setMenuEnabled(False)
    item.setMouseEnabled(x=False, y=False)
    item.hideButtons()
    item.layout.setContentsMargins(0, 2, 6, 8)
    for side, text in (("bottom", x), ("left", y)):
        axis = item.getAxis(side)
        axis.setPen(AXIS)
        axis.setTextPen(AXIS)
        axis.enableAutoSIPrefix(False)
        item.setLabel(side, text, color=AXIS, size="9pt")
    return made


def give_way(plot: pg.PlotWidget) -> None:
    """Let a plot have the width of its dock, instead of asking for a window's."""
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


class HistogramPlot:
    """Bars, and a line where the threshold lies."""

    def __init__(self, name: str, tooltip: str, *, x: str, y: str, color: str) -> None:
        self.widget = plot(name, tooltip, x=x, y=y, height=140)
        self._behind = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None, brush=ALL)
        self.widget.addItem(self._behind)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None, brush=color)
        self.widget.addItem(self._bars)
        self.widget.getPlotItem().getViewBox().setLimits(yMin=0)
        self._line: Any = None

    def show(
        self, edges: np.ndarray, heights: np.ndarray, of: np.ndarray | None = None
    ) -> None:
        """Draw bars between edges, perhaps before those that they are a part of."""
        every = heights[:0] if of is None else of
        x0, x1 = edges[: len(every)], edges[1 : len(every) + 1]
        self._behind.setOpts(x0=x0, x1=x1, height=every)
        self._bars.setOpts(x0=edges[:-1], x1=edges[1:], height=heights)
        self.widget.getPlotItem().enableAutoRange()

    def mark(self, value: float) -> None:
        """Draw the line."""
        if self._line is None:
            pen = pg.mkPen("#ff5c5c", width=2, style=Qt.PenStyle.DashLine)
            self._line = pg.InfiniteLine(angle=90, pen=pen)
            self.widget.addItem(self._line)
        self._line.setValue(value)
