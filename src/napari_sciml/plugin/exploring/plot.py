"""The plane as a plot: points or their density, hover, click and lasso."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QObject, QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QLabel

from napari_sciml.exploring.lasso import Inside
from napari_sciml.exploring.thumbnails import nearest_to_centers, picture
from napari_sciml.plugin.exploring.lasso_box import LassoBox
from napari_sciml.plugin.exploring.pictures import (
    as_rgba,
    cluster_color,
    density,
    pixmap_of,
)
from napari_sciml.plugin.kit.widgets.plots import give_way

HEIGHT = 300
MOST_POINTS = 20_000
"""Drawn one by one; of more, their density is drawn."""
MOST_CHOSEN = 5_000
MOST_KEPT = 1_000
"""Thumbnails that are not read again."""
NEAR = 12.0
"""Pixels of the screen from the mouse within which a point is meant."""
CHOSEN, MARK = "#ffd400", "#ff2e88"
TOOLTIP = (
    "Each point is a patch; those that look alike lie together. Move the mouse over "
    "one to see it, click it to go there, drag to move, turn the wheel to zoom."
)
REDRAW_MS = 150

Thumbnail = Callable[[int], np.ndarray]


class MapPlot(QObject):
    """Shows where patches lie in the plane, and tells which ones are meant.

    Attributes
    ----------
    widget
        The plot.
    picked
        A patch was clicked: its index.
    lassoed
        Patches were encircled: their indices, and "set", "add" or "remove".
    """

    picked = Signal(int)
    lassoed = Signal(object, str)

    def __init__(self) -> None:
        super().__init__()
        self.box = LassoBox()
        self.widget = pg.PlotWidget(viewBox=self.box, background=None)
        self.widget.setObjectName("explore_map")
        self.widget.setToolTip(TOOLTIP)
        self.widget.setFixedHeight(HEIGHT)
        give_way(self.widget)
        item = self.widget.getPlotItem()
        item.hideButtons()
        for side in ("bottom", "left"):
            item.hideAxis(side)
        self.box.setAspectLocked(True)
        self._make_items()
        self.plane = np.zeros((0, 2), np.float32)
        self._tree: Any = None
        self._thumbnail: Thumbnail | None = None
        self._pixmaps: dict[int, QPixmap] = {}
        self.hover = QLabel(self.widget)
        self.hover.setObjectName("explore_hover")
        self.hover.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hover.hide()
        self.hovered = -1
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self._draw_pictures)
        self.box.drawn.connect(self._on_drawn)
        self.box.sigRangeChanged.connect(self._on_range)
        self.widget.scene().sigMouseMoved.connect(self._on_moved)
        self.widget.scene().sigMouseClicked.connect(self._on_clicked)

    def _make_items(self) -> None:
        self._density = pg.ImageItem()
        self._points = pg.ScatterPlotItem(pxMode=True, pen=None)
        self._pictures = pg.ImageItem()
        ring = pg.mkPen("#202428", width=0.8)
        self._chosen = pg.ScatterPlotItem(pxMode=True, pen=ring, brush=CHOSEN)
        self._mark = pg.ScatterPlotItem(
            pxMode=True, size=16, brush=None, pen=pg.mkPen(MARK, width=2.5)
        )
        items = self._density, self._points, self._pictures, self._chosen, self._mark
        for depth, item in enumerate(items):
            item.setZValue(depth)
            self.widget.addItem(item)
        self.widget.addItem(self.box.line)
        self._pictures.hide()

    def show(
        self, plane: np.ndarray, clusters: np.ndarray, thumbnail: Thumbnail | None
    ) -> None:
        """Show other points.

        Parameters
        ----------
        plane
            ``(n, 2)``.
        clusters
            Cluster of each, for the colors.
        thumbnail
            Gives the picture of a patch; None where there is no image.
        """
        from scipy.spatial import cKDTree

        self.plane, self._thumbnail = plane, thumbnail
        self._pixmaps.clear()
        self._tree = cKDTree(plane) if len(plane) else None
        self._inside = Inside(plane)
        self._unhover()
        self.choose(np.zeros(0, np.intp))
        self.mark(np.zeros(0, np.intp))
        self.color(clusters)
        if len(plane):
            self.show_all()

    def sketch(self, plane: np.ndarray) -> None:
        """Show a rough map, whose points cannot be looked at yet."""
        self.show(plane, np.full(len(plane), -1), None)

    def color(self, clusters: np.ndarray) -> None:
        """Give the points the colors of their clusters."""
        several = len(self.plane) > MOST_POINTS
        self._density.setVisible(several)
        self._points.setVisible(not several)
        if several:
            image, where = density(self.plane, clusters)
            self._density.setImage(image, levels=(0, 255))
            self._density.setRect(where)
            self._points.clear()
            return
        brushes = {n: pg.mkBrush(cluster_color(int(n))) for n in np.unique(clusters)}
        size = float(np.clip(400 / max(1, len(self.plane)) ** 0.5, 3, 9))
        self._points.setData(
            pos=self.plane, size=size, brush=[brushes[n] for n in clusters]
        )

    def choose(self, indices: np.ndarray) -> None:
        """Mark patches as selected; of very many, some."""
        step = max(1, -(-len(indices) // MOST_CHOSEN))
        shown = self.plane[indices[::step]]
        self._chosen.setData(pos=shown, size=5 if step > 1 else 8)

    def mark(self, indices: np.ndarray) -> None:
        """Put rings round patches: the one that the camera is at, and others."""
        self._mark.setData(pos=self.plane[indices[:MOST_CHOSEN]])

    def lasso(self, on: bool) -> None:
        """Let dragging draw a lasso, or move the view."""
        self.box.drawing = on
        shape = Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor
        self.widget.setCursor(shape)

    def show_pictures(self, on: bool) -> None:
        """Show thumbnails in place of the points, or the points again."""
        self._pictures.setVisible(on)
        for item in (self._points, self._density, self._chosen):
            item.setOpacity(0.25 if on else 1.0)
        if on:
            self._draw_pictures()

    def show_all(self) -> None:
        """Zoom to all points."""
        (left, bottom), (right, top) = self.plane.min(0), self.plane.max(0)
        where = QRectF(left, bottom, max(right - left, 1e-6), max(top - bottom, 1e-6))
        self.box.setRange(where, padding=0.04)

    def nearest(self, x: float, y: float) -> int:
        """Index of the patch near a place of the view; -1 where none is near."""
        if self._tree is None:
            return -1
        away, index = self._tree.query((x, y))
        return int(index) if away <= NEAR * max(self.box.viewPixelSize()) else -1

    def _on_drawn(self, corners: np.ndarray, modifiers: Any) -> None:
        keys = Qt.KeyboardModifier
        how = "set"
        if modifiers & keys.ShiftModifier:
            how = "add"
        elif modifiers & (keys.ControlModifier | keys.AltModifier):
            how = "remove"
        self.lassoed.emit(self._inside.polygon(corners), how)

    def _on_moved(self, pos: Any) -> None:
        if not self.widget.sceneBoundingRect().contains(pos) or self.box.drawing:
            self._unhover()
            return
        at = self.box.mapSceneToView(pos)
        index = self.nearest(at.x(), at.y())
        if index < 0 or self._thumbnail is None:
            self._unhover()
            return
        if index != self.hovered:
            self.hovered = index
            self.hover.setPixmap(self.pixmap(index))
            self.hover.adjustSize()
        place = self.widget.mapFromScene(pos)
        room_x = self.widget.width() - self.hover.width() - 4
        beside = place.x() + 14
        x = beside if beside <= room_x else place.x() - 14 - self.hover.width()
        y = min(
            max(4, place.y() - self.hover.height() // 2),
            self.widget.height() - self.hover.height() - 4,
        )
        self.hover.move(int(max(0, x)), int(y))
        self.hover.show()

    def pixmap(self, index: int) -> QPixmap:
        """Picture of a patch."""
        if len(self._pixmaps) > MOST_KEPT:
            self._pixmaps.clear()
        if index not in self._pixmaps and self._thumbnail is not None:
            self._pixmaps[index] = pixmap_of(self._thumbnail(index))
        return self._pixmaps.get(index, QPixmap())

    def _unhover(self) -> None:
        self.hovered = -1
        self.hover.hide()

    def _on_clicked(self, event: Any) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self.box.mapSceneToView(event.scenePos())
        index = self.nearest(at.x(), at.y())
        if index >= 0:
            self.picked.emit(index)

    def _on_range(self, *_: object) -> None:
        if self._pictures.isVisible():
            self._redraw.start()

    def _draw_pictures(self) -> None:
        if self._thumbnail is None or not len(self.plane):
            return
        (left, right), (bottom, top) = self.box.viewRange()
        window = (left, right, bottom, top)
        chosen = nearest_to_centers(self.plane, window=window)
        made = picture(chosen, self._thumbnail)
        self._pictures.setImage(as_rgba(made[::-1].T), levels=(0, 255))
        self._pictures.setRect(QRectF(left, bottom, right - left, top - bottom))
