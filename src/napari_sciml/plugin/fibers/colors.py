"""What the fibers are colored by, and what the colors mean."""

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sciml.fibers.report.coloring import (
    COLOR_BY,
    ON_A_SCALE,
    ColorScale,
    bar_colors,
    color_scale,
)
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.plugin.fibers.view import FiberView
from napari_sciml.plugin.kit.connections import Connections

BAR_HEIGHT = 10
AXIS_COLORS = (("x", "#ff5c5c"), ("y", "#57d957"), ("z", "#6c8cff"))


class FiberColors(QWidget):
    """A choice and its legend.

    Parameters
    ----------
    view
        Colors the fibers.
    """

    def __init__(self, view: FiberView) -> None:
        super().__init__()
        self._view = view
        self._unit = "pixel"
        self.by = QComboBox()
        self.by.setObjectName("color_by")
        self.by.addItems([name.capitalize() for name in COLOR_BY])
        self.by.setToolTip("What the colors of the fibers tell. White: selected.")
        self.bar = ColorBar()
        self.key = QLabel()
        self.key.setObjectName("direction_key")
        self.key.setToolTip(
            "Red, green and blue are the parts of the direction along x, y and z, "
            "whatever their sign; between two axes the colors mix."
        )
        row = QHBoxLayout()
        row.addWidget(QLabel("Color by"))
        row.addWidget(self.by, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.key)
        self.by.currentIndexChanged.connect(self._on_chosen)
        self._wiring = Connections()
        self._wiring.connect(view.recolored, self.follow)
        self.destroyed.connect(self._wiring.close)
        self.follow()

    def set_units(self, unit: str, ndim: int) -> None:
        """Tell the unit of length, and whether it is an image."""
        self._unit = unit
        self.key.setText("&nbsp; ".join(map(_key, AXIS_COLORS[:ndim])))
        self.follow()

    def follow(self) -> None:
        """Show the legend of the colors."""
        by = self._view.color_by
        self.by.blockSignals(True)
        self.by.setCurrentIndex(COLOR_BY.index(by))
        self.by.blockSignals(False)
        self.key.setVisible(by == "direction")
        self.bar.setVisible(by in ON_A_SCALE)
        if by in ON_A_SCALE:
            unit = "" if by == "confidence" else unit_symbol(self._unit)
            self.bar.show_scale(color_scale(self._view.table, by), unit)

    def _on_chosen(self, index: int) -> None:
        self._view.color(COLOR_BY[index])


def _key(axis: tuple[str, str]) -> str:
    name, color = axis
    return f'<span style="color:{color}">■ along {name}</span>'


class ColorBar(QWidget):
    """A strip of colors with numbers below."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("color_bar")
        self.setToolTip("Value of each color; fibers beyond have the color of the end.")
        self.texts: tuple[str, str, str] = ("", "", "")
        colors = (bar_colors(np.linspace(0, 1, 256)) * 255).astype(np.uint8)
        self._pixels = np.ascontiguousarray(colors[None])
        self._image = QImage(
            self._pixels.data, 256, 1, 768, QImage.Format.Format_RGB888
        )

    def show_scale(self, scale: ColorScale | None, unit: str) -> None:
        """Write the numbers of a scale."""
        if scale is None:
            self.texts = ("", "unknown: there is no prediction of this mask", "")
        else:
            low = "≤ " * (scale.least < scale.low) + f"{scale.low:.3g}"
            high = "≥ " * (scale.greatest > scale.high) + f"{scale.high:.3g}"
            middle = f"{(scale.low + scale.high) / 2:.3g} {unit}".strip()
            self.texts = (low, middle, high)
        self.update()

    def sizeHint(self) -> QSize:
        """As high as strip and text."""
        return QSize(120, BAR_HEIGHT + 4 + self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: object) -> None:
        """Draw strip and text."""
        painter = QPainter(self)
        known = bool(self.texts[0])
        if known:
            painter.drawImage(QRectF(0, 0, self.width(), BAR_HEIGHT), self._image)
        painter.setPen(QColor(self.palette().windowText().color()))
        box = QRectF(0, BAR_HEIGHT + 2, self.width(), self.fontMetrics().height())
        sides = (
            Qt.AlignmentFlag.AlignLeft,
            Qt.AlignmentFlag.AlignHCenter,
            Qt.AlignmentFlag.AlignRight,
        )
        for text, side in zip(self.texts, sides, strict=True):
            painter.drawText(box, side, text)
        painter.end()
