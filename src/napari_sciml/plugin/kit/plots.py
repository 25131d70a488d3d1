"""Small live plots."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy
from scipy.signal import lfilter

from napari_sciml.plugin.layers.colors import class_color

if TYPE_CHECKING:
    from napari_sciml.plugin.train.curves import Curves

TRAINING = "#7f8fa6"
HELD_OUT = "#ffb347"
AXIS = "#9aa4ae"
ALL = "#4a525b"
SMOOTHING = 0.06


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


class LossPlot:
    """Loss and Dice against seconds of training."""

    def __init__(self) -> None:
        self.widget = plot(
            "loss_curve",
            "Loss of the training steps (gray) and on held-out strokes (orange): lower "
            "is better. Dashed: Dice of each class on held-out strokes, 1 is best.",
            x="seconds",
            y="loss, Dice",
            height=170,
        )
        self._add_legend()
        self._training = self.widget.plot(
            name="training", pen=pg.mkPen(TRAINING, width=2)
        )
        self._held_out = self.widget.plot(
            name="held-out strokes",
            pen=pg.mkPen(HELD_OUT, width=2),
            symbol="o",
            symbolSize=5,
            symbolBrush=HELD_OUT,
            symbolPen=None,
        )
        self._dice: list[Any] = []
        self.widget.setYRange(0, 0.8)
        self.widget.getPlotItem().getViewBox().setLimits(xMin=0, yMin=0)

    def _add_legend(self) -> None:
        """Over the curves, not across them."""
        item = self.widget.getPlotItem()
        legend = self.widget.addLegend(labelTextColor=AXIS)
        legend.setColumnCount(2)
        legend.setParentItem(item)
        legend.anchor(itemPos=(1, 0), parentPos=(1, 0), offset=(-4, -6))
        item.layout.setContentsMargins(0, 20, 6, 8)

    def show(self, curves: "Curves") -> None:
        """Draw all curves."""
        if curves.training:
            seconds, loss = np.array(curves.training).T
            self._training.setData(seconds, smooth(loss))
        else:
            self._training.setData([], [])
        held_out = np.array(curves.held_out).reshape(-1, 2).T
        self._held_out.setData(*held_out)
        times = [seconds for seconds, _ in curves.dice]
        rows = np.array([dice for _, dice in curves.dice], float)
        rows = rows.reshape(len(times), -1 if times else 0)
        while len(self._dice) < rows.shape[1]:
            color = class_color(len(self._dice) + 1)
            pen = pg.mkPen(color, width=1.5, style=Qt.PenStyle.DashLine)
            self._dice.append(self.widget.plot(pen=pen))
        for index, line in enumerate(self._dice):
            known = index < rows.shape[1]
            line.setData(times if known else [], rows[:, index] if known else [])
        self.widget.getPlotItem().enableAutoRange()


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


def smooth(values: np.ndarray) -> np.ndarray:
    """Exponential mean that starts without bias."""
    kept = 1 - SMOOTHING
    mean = lfilter([SMOOTHING], [1, -kept], values)
    return mean / (1 - kept ** np.arange(1, len(values) + 1))
