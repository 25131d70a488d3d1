"""Directions of fibers in the Hammer projection, live."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sciml.fibers.orientation import hammer, hammer_of_angles
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.plugin.kit.plots import AXIS, give_way

HALF_WIDTH, HALF_HEIGHT = 2 * np.sqrt(2), np.sqrt(2)
MOST = 3000
"""Fibers that are drawn; of more, every so many."""
SIZES = (100, 1000), (7, 3)
"""Number of fibers, and size of a point in pixels."""
GRID = "#5b636b"
INK = "#e6e9ec"
PAPER = (30, 34, 40, 170)


class DirectionPlot(QWidget):
    """Each fiber as two points, as it has no front; a click chooses it."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("direction_plot")
        self.setToolTip(
            "Directions in the equal-area Hammer projection: z at top and bottom, x in "
            "the middle, y half way to the sides. Click a point to go to its fiber."
        )
        self.plot = pg.PlotWidget(background=None)
        self.plot.setFixedHeight(126)
        give_way(self.plot)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideAxis("left")
        self.plot.hideAxis("bottom")
        self.plot.hideButtons()
        self.plot.setAspectLocked(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.plot)
        self._draw_grid()
        self._points = pg.ScatterPlotItem(
            size=7, pen=pg.mkPen("#22272b", width=0.5), brush="#ffb347", hoverable=True
        )
        self._points.sigClicked.connect(self._on_clicked)
        self.plot.addItem(self._points)
        self._marks = pg.ScatterPlotItem(
            size=11, pen=pg.mkPen("#22272b", width=1), brush="#ffffff"
        )
        self._marks.setZValue(5)
        self.plot.addItem(self._marks)
        self._table = pd.DataFrame()
        self._marked: tuple[int, ...] = ()
        self.plot.setRange(
            xRange=(-HALF_WIDTH - 0.4, HALF_WIDTH + 0.4),
            yRange=(-HALF_HEIGHT - 0.3, HALF_HEIGHT + 0.3),
            padding=0,
        )

    def show_fibers(self, table: pd.DataFrame) -> None:
        """Show the directions of a table of `measure_fibers`."""
        self._table = table
        step = -(-len(table) // MOST) or 1
        self._points.setSize(float(np.interp(len(table), *SIZES)))
        self._draw(self._points, table.iloc[::step])
        self.mark(self._marked)

    def mark(self, labels: Iterable[int]) -> None:
        """Show which fibers are chosen."""
        self._marked = tuple(labels)
        if len(self._table):
            chosen = np.isin(self._table["label"], self._marked)
            self._draw(self._marks, self._table[chosen])

    def _draw(self, points: pg.ScatterPlotItem, table: pd.DataFrame) -> None:
        directions = directions_of(table)
        x, y = hammer(np.concatenate([directions, -directions]))
        points.setData(x=x, y=y, data=np.tile(table["label"].to_numpy(), 2))

    def _draw_grid(self) -> None:
        around, up = np.linspace(-np.pi, np.pi, 121), np.linspace(-1, 1, 61) * np.pi / 2
        for latitude in np.radians([-60, -30, 0, 30, 60]):
            self._draw_line(around, np.full(len(around), latitude), GRID)
        for longitude in np.radians(range(-150, 151, 30)):
            self._draw_line(np.full(len(up), longitude), up, GRID)
        for side in (-np.pi, np.pi):
            self._draw_line(np.full(len(up), side), up, AXIS)
        names = {
            "z": (0, HALF_HEIGHT + 0.14),
            "-z": (0, -HALF_HEIGHT - 0.14),
            "-x": (HALF_WIDTH + 0.2, 0),
            "y": (np.sqrt(2) * 1.22, 0.16),
            "-y": (-np.sqrt(2) * 1.22, 0.16),
            "x": (0.12, 0.16),
        }
        for name, place in names.items():
            text = pg.TextItem(name, color=INK, anchor=(0.5, 0.5), fill=PAPER)
            text.setZValue(10)
            text.setPos(*place)
            self.plot.addItem(text)

    def _draw_line(
        self, longitude: np.ndarray, latitude: np.ndarray, color: str
    ) -> None:
        self.plot.plot(*hammer_of_angles(longitude, latitude), pen=pg.mkPen(color))

    def _on_clicked(self, item: object, points: list, event: object) -> None:
        if len(points):
            self.chosen.emit(int(points[0].data()))
