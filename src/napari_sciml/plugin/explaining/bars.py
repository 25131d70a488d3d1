"""Small pictures of numbers that take their colors from the theme."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

ROW, BAR = 30, 7
INDENT = 14
LANE = 24
BLUE, GREEN = "#5b8fd9", "#3fa35c"
DOT = 9
FAINT = 0.4
LEFT = 66
"""Of the names of lanes."""


class Bars(QWidget):
    """A row a number: what it is, how much, and a bar below; parts are set in.

    Parameters
    ----------
    name, tooltip
        For scripts, and a word of help.
    """

    def __init__(self, name: str, tooltip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tooltip)
        self.rows: list[tuple[str, float, bool]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: Sequence[tuple[str, float, bool]]) -> None:
        """Draw others: name, number, and whether it is a part of one before."""
        self.rows = list(rows)
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:
        """A row for each."""
        return QSize(200, ROW * len(self.rows))

    def paintEvent(self, event: Any) -> None:
        """Draw."""
        painter = _painter(self)
        most = max((value for _, value, _ in self.rows), default=0.0)
        for number, (name, value, is_part) in enumerate(self.rows):
            left = INDENT if is_part else 0
            place = QRectF(left, ROW * number, self.width() - left, ROW)
            share = max(0.0, value) / most if most > 0 else 0.0
            self._paint_words(painter, place, name, f"{max(0.0, value):.2f}")
            lane = QRectF(left, place.bottom() - BAR - 2, place.width(), BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            for part, color in ((1.0, _faint(self)), (share, _of_bar(is_part))):
                lane.setWidth(place.width() * part)
                painter.setBrush(color)
                painter.drawRoundedRect(lane, 3, 3)

    def _paint_words(
        self, painter: QPainter, place: QRectF, name: str, told: str
    ) -> None:
        metrics = painter.fontMetrics()
        space = metrics.horizontalAdvance(told)
        room = int(place.width()) - space - 8
        short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.setPen(self.palette().windowText().color())
        base = int(place.bottom()) - BAR - 6
        painter.drawText(int(place.left()), base, short)
        painter.drawText(int(place.right()) - space, base, told)


class Dots(QWidget):
    """Lanes from 0 to 1 with a dot for each number, and a line where the mean is.

    Parameters
    ----------
    name, tooltip
        For scripts, and a word of help.
    """

    def __init__(self, name: str, tooltip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tooltip)
        self.lanes: list[tuple[str, list[float]]] = []
        self.mean = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_lanes(
        self, lanes: Sequence[tuple[str, Sequence[float]]], mean: float
    ) -> None:
        """Draw others."""
        self.lanes = [(name, list(values)) for name, values in lanes]
        self.mean = mean
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:
        """A lane for each, and the scale."""
        return QSize(200, LANE * (len(self.lanes) + 1) if self.lanes else 0)

    def paintEvent(self, event: Any) -> None:
        """Draw."""
        if not self.lanes:
            return
        painter = _painter(self)
        ink = self.palette().windowText().color()
        bottom = LANE * len(self.lanes)
        for number, (name, values) in enumerate(self.lanes):
            middle = LANE * number + LANE // 2
            painter.setPen(ink)
            painter.drawText(0, middle + 5, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_faint(self))
            painter.drawRect(QRectF(LEFT, middle - 1, self.width() - LEFT - DOT, 2))
            color = QColor(GREEN if number == 0 else BLUE)
            color.setAlpha(190)
            painter.setBrush(color)
            for value in values:
                x = self._x(value)
                painter.drawEllipse(QRectF(x - DOT / 2, middle - DOT / 2, DOT, DOT))
        painter.setPen(ink)
        mean = round(self._x(self.mean))
        painter.drawLine(mean, 2, mean, bottom)
        for value in (0, 1):
            shift = 0 if value == 0 else painter.fontMetrics().horizontalAdvance("1")
            painter.drawText(
                round(self._x(value)) - shift // 2, bottom + 14, str(value)
            )

    def _x(self, value: float) -> float:
        return LEFT + value * (self.width() - LEFT - DOT)


def _of_bar(is_part: bool) -> QColor:
    color = QColor(BLUE)
    color.setAlpha(140 if is_part else 255)
    return color


def _faint(widget: QWidget) -> QColor:
    color = QColor(widget.palette().windowText().color())
    color.setAlpha(40)
    return color


def _painter(widget: QWidget) -> QPainter:
    """Draw smoothly, and faintly what no longer holds."""
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(1.0 if widget.isEnabled() else FAINT)
    return painter
