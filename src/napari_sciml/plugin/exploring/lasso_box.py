"""A view of a plot in which one can draw a lasso."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt, Signal

LASSO = "#0a6ebd"


class LassoBox(pg.ViewBox):
    """A view in which dragging draws a lasso where it is wanted, and moves else.

    Attributes
    ----------
    drawing
        Whether dragging draws.
    """

    drawn = Signal(object, object)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.drawing = False
        self.path: list[tuple[float, float]] = []
        pen = pg.mkPen(LASSO, width=2)
        self.line = pg.PlotCurveItem(pen=pen)
        self.line.setZValue(50)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Draw with the left button, or move."""
        if not self.drawing or event.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        if event.isStart():
            self.path = [self._at(event.buttonDownPos())]
        self.path.append(self._at(event.pos()))
        x, y = np.array([*self.path, self.path[0]]).T
        self.line.setData(x, y)
        if event.isFinish():
            self.line.setData([], [])
            self.drawn.emit(np.array(self.path), event.modifiers())

    def _at(self, pos: Any) -> tuple[float, float]:
        point = self.mapToView(QPointF(pos))
        return point.x(), point.y()
