"""Small live plots."""

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

from napari_sciml.plugin.kit.widgets.palette import Palette, follow


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
        item.getAxis(side).enableAutoSIPrefix(False)
        item.setLabel(side, text, size="9pt")
    follow(made, _paint_axes)
    return made


def _paint_axes(made: pg.PlotWidget, colors: Palette) -> None:
    for side in ("bottom", "left"):
        axis = made.getPlotItem().getAxis(side)
        axis.setPen(colors.axis)
        axis.setTextPen(colors.axis)
        axis.setLabel(axis.labelText, color=colors.axis, size="9pt")


def give_way(plot: pg.PlotWidget) -> None:
    """Let a plot have the width of its dock, instead of asking for a window's."""
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


class HistogramPlot:
    """Bars, and a line where the threshold lies."""

    def __init__(self, name: str, tooltip: str, *, x: str, y: str) -> None:
        self.widget = plot(name, tooltip, x=x, y=y, height=140)
        self._behind = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None)
        self.widget.addItem(self._behind)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None)
        self.widget.addItem(self._bars)
        self.widget.getPlotItem().getViewBox().setLimits(yMin=0)
        self._line = pg.InfiniteLine(angle=90)
        self._line.hide()
        self.widget.addItem(self._line, ignoreBounds=True)
        follow(self, HistogramPlot._paint)

    def _paint(self, colors: Palette) -> None:
        self._behind.setOpts(brush=colors.behind)
        self._bars.setOpts(brush=colors.bars)
        self._line.setPen(pg.mkPen(colors.mark, width=2, style=Qt.PenStyle.DashLine))

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
        self._line.setValue(value)
        self._line.show()


def legend_above(made: pg.PlotWidget) -> pg.LegendItem:
    """Put a legend over the curves, not across them."""
    item = made.getPlotItem()
    legend = made.addLegend()
    legend.setColumnCount(2)
    legend.setParentItem(item)
    legend.anchor(itemPos=(1, 0), parentPos=(1, 0), offset=(-4, -6))
    item.layout.setContentsMargins(0, 20, 6, 8)
    follow(legend, _paint_legend)
    return legend


def _paint_legend(legend: pg.LegendItem, colors: Palette) -> None:
    legend.setLabelTextColor(colors.axis)
