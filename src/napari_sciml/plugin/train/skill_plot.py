"""What another stroke has brought: the score against the number of strokes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg

from napari_sciml.plugin.kit.widgets.plots import legend_above, plot
from napari_sciml.plugin.train.curves import Curves


class SkillPlot:
    """Dice of each class on held-out strokes, against strokes."""

    def __init__(self) -> None:
        self.widget = plot(
            "skill_curve",
            "Dice of each class on strokes that were kept aside (1 is best), against "
            "the strokes that were learned from: where it rises, more strokes help.",
            x="strokes",
            y="score",
            height=130,
        )
        self._legend = legend_above(self.widget)
        self.widget.setYRange(0, 1, padding=0.04)
        self.widget.getPlotItem().getViewBox().setLimits(xMin=0)
        self._lines: list[Any] = []
        self._named: tuple[tuple[str, str], ...] = ()

    def show(self, curves: Curves, names: Sequence[str], colors: Sequence[str]) -> None:
        """Draw a line a class.

        Parameters
        ----------
        curves
            Of the training.
        names, colors
            Of the classes.
        """
        self._name(tuple(zip(names, colors, strict=True)))
        strokes = np.array(sorted(curves.learned), float)
        rows = np.array([curves.learned[int(n)] for n in strokes], float)
        for index, line in enumerate(self._lines):
            known = len(strokes) > 0 and index < rows.shape[1]
            line.setData(
                strokes if known else [],
                rows[:, index] if known else [],
                connect="finite",
            )
        self.widget.setVisible(len(strokes) > 1)
        if len(strokes) > 1:
            self.widget.setXRange(0, strokes[-1] * 1.05, padding=0)

    def _name(self, named: tuple[tuple[str, str], ...]) -> None:
        if named == self._named:
            return
        self._named = named
        for line in self._lines:
            self.widget.removeItem(line)
        self._lines = [
            self.widget.plot(
                name=name,
                pen=pg.mkPen(color, width=2),
                symbol="o",
                symbolSize=6,
                symbolBrush=color,
                symbolPen=None,
            )
            for name, color in named
        ]
