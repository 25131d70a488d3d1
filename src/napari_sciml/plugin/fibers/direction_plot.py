"""Directions of fibers in the Hammer projection, live."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget
from scipy.ndimage import gaussian_filter

from napari_sciml.fibers.orientation import hammer, hammer_of_angles
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.plugin.kit.widgets.palette import Palette, follow
from napari_sciml.plugin.kit.widgets.plots import give_way

HALF_WIDTH, HALF_HEIGHT = 2 * np.sqrt(2), np.sqrt(2)
MANY = 300
"""Fibers from which on their density is drawn, as points would hide each other."""
BINS = (48, 24)
"""Of the density along x and y; the projection keeps areas, so they are equal."""
BLUR = 1.0
"""Of the density, in bins."""
REACH = 0.15
"""From a click to the fiber that it chooses, in the units of the projection."""
POINT = "#ffb347"
EDGE = "#22272b"
IN_SPACE = (
    "Directions in the equal-area Hammer projection: z at top and bottom, x in "
    "the middle, y half way to the sides. Of many fibers, how many there are "
    "in each direction. Click to go to a fiber."
)
IN_AN_IMAGE = (
    "Directions in the image, each fiber at both of its ends: the farther out, the "
    "longer; the rim is the longest. Click to go to a fiber."
)


class DirectionPlot(QWidget):
    """Each fiber as two points, as it has no front; a click chooses it."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("direction_plot")
        self.setToolTip(IN_SPACE)
        self._flat = False
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
        self._density = pg.ImageItem(axisOrder="row-major")
        self._density.setRect(
            QRectF(-HALF_WIDTH, -HALF_HEIGHT, 2 * HALF_WIDTH, 2 * HALF_HEIGHT)
        )
        self.plot.addItem(self._density)
        self._lines: list[Any] = []
        self._rims: list[Any] = []
        self._names: list[pg.TextItem] = []
        self._draw_grid()
        self._sphere = [*self._lines, *self._rims, *self._names]
        self._draw_circle()
        self._circle = [
            item
            for item in (*self._lines, *self._rims, *self._names)
            if item not in self._sphere
        ]
        self.set_flat(False)
        self._points = pg.ScatterPlotItem(
            size=7, pen=pg.mkPen(EDGE, width=0.5), brush=POINT, hoverable=True
        )
        self.plot.addItem(self._points)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self._marks = pg.ScatterPlotItem(
            size=11, pen=pg.mkPen(EDGE, width=1), brush="#ffffff"
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
        follow(self, DirectionPlot._paint)

    def _paint(self, colors: Palette) -> None:
        for line in self._lines:
            line.setPen(colors.grid)
        for line in self._rims:
            line.setPen(colors.axis)
        for text in self._names:
            text.setColor(colors.ink)

    def set_flat(self, flat: bool) -> None:
        """Show the directions in an image, which has no z, or those in space."""
        self._flat = flat
        self.setToolTip(IN_AN_IMAGE if flat else IN_SPACE)
        for items, shown in ((self._sphere, not flat), (self._circle, flat)):
            for item in items:
                item.setVisible(shown)

    def show_fibers(self, table: pd.DataFrame) -> None:
        """Show the directions of a table of `measure_fibers`."""
        self._table = table
        many = len(table) > MANY and not self._flat
        self._points.setVisible(not many)
        self._density.setVisible(many)
        if many:
            self._draw_density()
        else:
            self._draw(self._points, table)
        self.mark(self._marked)

    def mark(self, labels: Iterable[int]) -> None:
        """Show which fibers are chosen."""
        self._marked = tuple(labels)
        if len(self._table):
            chosen = np.isin(self._table["label"], self._marked)
            self._draw(self._marks, self._table[chosen])

    def _draw(self, points: pg.ScatterPlotItem, table: pd.DataFrame) -> None:
        x, y = self._places(table)
        points.setData(x=x, y=y)

    def _places(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Where both ends of each fiber are drawn."""
        if not self._flat:
            return _both_ends(table)
        along = directions_of(table)[:, 1:]
        along = along / np.linalg.norm(along, axis=1, keepdims=True).clip(1e-9)
        longest = max(float(self._table["length"].max()), 1e-9)
        out = HALF_HEIGHT * table["length"].to_numpy(np.float64)[:, None] / longest
        y, x = np.concatenate([out * along, -out * along]).T
        return x, -y  # the y axis of images points down

    def _draw_density(self) -> None:
        """Fibers per solid angle, the densest direction in full color."""
        counts = density(*_both_ends(self._table))
        image = np.zeros((*counts.shape, 4), np.uint8)
        image[..., :3] = pg.mkColor(POINT).getRgb()[:3]
        image[..., 3] = 255 * (counts / max(counts.max(), 1e-9)) ** 0.5
        self._density.setImage(image, autoLevels=False)
        self._density.setRect(
            QRectF(-HALF_WIDTH, -HALF_HEIGHT, 2 * HALF_WIDTH, 2 * HALF_HEIGHT)
        )

    def _draw_grid(self) -> None:
        around, up = np.linspace(-np.pi, np.pi, 121), np.linspace(-1, 1, 61) * np.pi / 2
        for latitude in np.radians([-60, -30, 0, 30, 60]):
            self._lines += [self._line(around, np.full(len(around), latitude))]
        for longitude in np.radians(range(-150, 151, 30)):
            self._lines += [self._line(np.full(len(up), longitude), up)]
        for side in (-np.pi, np.pi):
            self._rims += [self._line(np.full(len(up), side), up)]
        names = {
            "z": (0, HALF_HEIGHT + 0.14),
            "-z": (0, -HALF_HEIGHT - 0.14),
            "-x": (HALF_WIDTH + 0.2, 0),
            "y": (np.sqrt(2) * 1.22, 0.16),
            "-y": (-np.sqrt(2) * 1.22, 0.16),
            "x": (0.12, 0.16),
        }
        self._write(names)

    def _draw_circle(self) -> None:
        around = np.linspace(-np.pi, np.pi, 121)
        for radius in (HALF_HEIGHT / 2, HALF_HEIGHT):
            line = self.plot.plot(radius * np.cos(around), radius * np.sin(around))
            (self._rims if radius == HALF_HEIGHT else self._lines).append(line)
        ends = np.array([-HALF_HEIGHT, HALF_HEIGHT])
        self._lines += [self.plot.plot(ends, 0 * ends), self.plot.plot(0 * ends, ends)]
        self._write({"x": (HALF_HEIGHT + 0.2, 0), "y": (0, -HALF_HEIGHT - 0.2)})

    def _write(self, names: dict[str, tuple[float, float]]) -> None:
        for name, place in names.items():
            text = pg.TextItem(name, anchor=(0.5, 0.5))
            text.setZValue(10)
            text.setPos(*place)
            self.plot.addItem(text)
            self._names.append(text)

    def _line(self, longitude: np.ndarray, latitude: np.ndarray) -> Any:
        return self.plot.plot(*hammer_of_angles(longitude, latitude))

    def _on_clicked(self, event: Any) -> None:
        if not len(self._table):
            return
        place = self.plot.getPlotItem().getViewBox().mapSceneToView(event.scenePos())
        x, y = self._places(self._table)
        distance = np.hypot(x - place.x(), y - place.y())
        nearest = int(np.argmin(distance))
        if distance[nearest] < REACH:
            labels = self._table["label"].to_numpy()
            self.chosen.emit(int(labels[nearest % len(labels)]))


def density(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Count points of the Hammer projection in equal areas, and smooth a little.

    Returns
    -------
    np.ndarray
        ``BINS[::-1]``, from the lowest y on; 0 outside the sphere.
    """
    extent = ((-HALF_WIDTH, HALF_WIDTH), (-HALF_HEIGHT, HALF_HEIGHT))
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=BINS, range=extent)
    u = (x_edges[1:] + x_edges[:-1]) / 2 / HALF_WIDTH
    v = (y_edges[1:] + y_edges[:-1]) / 2 / HALF_HEIGHT
    inside = (u[:, None] ** 2 + v**2 <= 1).astype(float)
    # What the blur takes over the rim is given back to what is inside.
    smooth = gaussian_filter(counts, BLUR) / gaussian_filter(inside, BLUR).clip(0.2)
    return np.asarray((smooth * inside).T)


def _both_ends(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    directions = directions_of(table)
    x, y = hammer(np.concatenate([directions, -directions]))
    return x, y
