"""Small live plots."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from scipy.signal import lfilter

TRAINING = "#7f8fa6"
HELD_OUT = "#ffb347"
AXIS = "#9aa4ae"
SMOOTHING = 0.06


def plot(name: str, tooltip: str, *, x: str, y: str, height: int) -> pg.PlotWidget:
    """An empty plot with named axes that cannot be dragged out of sight."""
    made = pg.PlotWidget(background=None)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setFixedHeight(height)
    made.setMinimumWidth(200)
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


class LossPlot:
    """Training loss, smoothed, and held-out loss against seconds."""

    def __init__(self) -> None:
        self.widget = plot(
            "loss_curve",
            "Loss of the training steps (gray) and on held-out strokes (orange); "
            "lower is better.",
            x="seconds",
            y="loss",
            height=150,
        )
        legend = self.widget.addLegend(offset=(-4, 2), labelTextColor=AXIS)
        legend.setColumnCount(2)
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
        self.widget.setYRange(0, 0.8)
        self.widget.getPlotItem().getViewBox().setLimits(xMin=0, yMin=0)

    def show(
        self,
        training: Sequence[tuple[float, float]],
        held_out: Sequence[tuple[float, float]],
    ) -> None:
        """Draw both curves."""
        if training:
            seconds, loss = np.array(training).T
            self._training.setData(seconds, smooth(loss))
        else:
            self._training.setData([], [])
        self._held_out.setData(*(np.array(held_out).T if held_out else ([], [])))
        self.widget.getPlotItem().enableAutoRange()


class HistogramPlot:
    """Bars, and a line where the threshold lies."""

    def __init__(self, name: str, tooltip: str, *, x: str, y: str, color: str) -> None:
        self.widget = plot(name, tooltip, x=x, y=y, height=140)
        self._bars = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None, brush=color)
        self.widget.addItem(self._bars)
        self._line: Any = None

    def show(self, edges: np.ndarray, heights: np.ndarray) -> None:
        """Draw bars between edges."""
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
