"""How the training goes, as curves: for who knows what a loss is."""

from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_sciml.plugin.kit.colors import class_color
from napari_sciml.plugin.kit.widgets.palette import Palette, follow
from napari_sciml.plugin.kit.widgets.plots import legend_above, plot
from napari_sciml.plugin.train.curves import Curves

SMOOTHING = 0.06


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
        legend_above(self.widget)
        self._training = self.widget.plot(name="training")
        self._held_out = self.widget.plot(
            name="held-out strokes", symbol="o", symbolSize=5, symbolPen=None
        )
        self._dice: list[Any] = []
        self.widget.setYRange(0, 0.8)
        self.widget.getPlotItem().getViewBox().setLimits(xMin=0, yMin=0)
        follow(self, LossPlot._paint)

    def _paint(self, colors: Palette) -> None:
        self._training.setPen(pg.mkPen(colors.quiet, width=2))
        self._held_out.setPen(pg.mkPen(colors.loud, width=2))
        self._held_out.setSymbolBrush(colors.loud)

    def show(self, curves: Curves) -> None:
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


def smooth(values: np.ndarray) -> np.ndarray:
    """Exponential mean that starts without bias."""
    return pd.Series(values).ewm(alpha=SMOOTHING).mean().to_numpy()
