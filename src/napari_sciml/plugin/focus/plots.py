"""The legend of the tiles, and the level of every plane of a stack."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_sciml.focus.colors import focus_colors, legend
from napari_sciml.focus.levels import DIAMETERS, IN_FOCUS_LEVELS, LEVELS, TILE
from napari_sciml.focus.rating.result import BestPlane
from napari_sciml.plugin.kit.widgets.palette import Palette, follow, palette
from napari_sciml.plugin.kit.widgets.plots import plot

BAR = 34
SIDE = 54
TEXT = 18


class FocusLegend(QWidget):
    """Hue for the level, from left to right; lightness for the certainty."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("focus_legend")
        self.setToolTip(
            "Color of a tile: its diameter of blur in pixels from left to right, and "
            "how certain that is from dark to light. Up to the line it counts as in "
            "focus."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(BAR + TEXT + 4)
        self._factor = 1.0
        pixels = np.ascontiguousarray(legend(BAR) * 255, dtype=np.uint8)
        height, width = pixels.shape[:2]
        self._image = QImage(
            pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
        ).copy()

    def set_tile(self, tile: int) -> None:
        """Tiles of other sizes are resized, and so are the pixels that count."""
        self._factor = tile / TILE
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter, ink = QPainter(self), QColor(palette().ink)
        bar = QRectF(SIDE, 2, self.width() - SIDE - 4, BAR)
        painter.drawImage(bar, self._image)
        step = bar.width() / LEVELS
        painter.setPen(QPen(ink, 1.5, Qt.PenStyle.DashLine))
        limit = bar.left() + IN_FOCUS_LEVELS * step
        painter.drawLine(int(limit), int(bar.top()), int(limit), int(bar.bottom()))
        painter.setPen(ink)
        font = painter.font()
        font.setPointSizeF(8.5)
        painter.setFont(font)
        side = QRectF(0, bar.top(), SIDE - 5, BAR / 2)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(side, right, "certain")
        painter.drawText(side.translated(0, BAR / 2), right, "unsure")
        self._write_ticks(painter, bar, step)

    def _write_ticks(self, painter: QPainter, bar: QRectF, step: float) -> None:
        for level in range(0, LEVELS, 2):
            text = f"{DIAMETERS[level] * self._factor:.0f}"
            box = QRectF(bar.left() + level * step, bar.bottom() + 1, step, TEXT)
            if level == LEVELS - 1:
                text += " px"
                box.adjust(-10, 0, 4, 0)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        side = QRectF(0, bar.bottom() + 1, SIDE - 5, TEXT)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(side, right, "blur")


class LevelCurve(QWidget):
    """Level against plane; a click goes there."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("level_curve")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self.plot = plot(
            "level_plot",
            "Level of every plane: lower is sharper. Orange: the best one; gray: the "
            "one that is shown. Click to go to a plane. A gap: nothing to see there.",
            x="plane",
            y="level",
            height=135,
        )
        box.addWidget(self.plot)
        self._line = self.plot.plot(connect="finite")
        self._points = pg.ScatterPlotItem(size=7, pen=None)
        self.plot.addItem(self._points)
        self._best = pg.InfiniteLine(angle=90)
        self._shown = pg.InfiniteLine(angle=90)
        for line in (self._shown, self._best):
            self.plot.addItem(line, ignoreBounds=True)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self._planes = 0
        follow(self, LevelCurve._paint)

    def _paint(self, colors: Palette) -> None:
        self._line.setPen(pg.mkPen(colors.axis, width=1))
        self._best.setPen(pg.mkPen(colors.loud, width=2))
        self._shown.setPen(pg.mkPen(colors.axis, style=Qt.PenStyle.DashLine))

    def show_curve(self, best: BestPlane, planes: str) -> None:
        """Show the levels of a stack."""
        known = np.flatnonzero(np.isfinite(best.curve))
        self._planes = len(best.curve)
        self._line.setData(np.arange(self._planes), best.curve)
        colors = focus_colors(best.curve[known], 1.0) * 255
        brushes = [pg.mkBrush(*color) for color in colors.astype(int)]
        self._points.setData(x=known, y=best.curve[known], brush=brushes)
        self._best.setVisible(best.index is not None)
        if best.index is not None:
            self._best.setValue(best.index)
        self.plot.setLabel("bottom", planes)
        self.plot.setXRange(-0.5, self._planes - 0.5, padding=0.02)
        top = float(best.curve[known].max()) if len(known) else LEVELS - 1
        self.plot.setYRange(0, max(top * 1.05, 1.0), padding=0.05)

    def mark(self, plane: int) -> None:
        """Mark the plane that is shown."""
        self._shown.setValue(plane)

    def _on_clicked(self, event: Any) -> None:
        view = self.plot.getPlotItem().getViewBox()
        if self._planes and self.plot.sceneBoundingRect().contains(event.scenePos()):
            x = view.mapSceneToView(event.scenePos()).x()
            self.chosen.emit(int(np.clip(round(x), 0, self._planes - 1)))
