"""Trusts nothing that is out of focus."""

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.layers.axes import image_array
from napari_sciml.plugin.layers.blanking import CellMask

if TYPE_CHECKING:
    from napari_sciml.focus.rating.cells import CellGrid

REST_MS = 200


class Exclusion:
    """The mask of what is out of focus, as training and prediction see it.

    The mask is the Labels layer, so what the user paints or erases there counts.

    Attributes
    ----------
    changed
        Other voxels are left out now.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._wanted = False
        self._grid: CellGrid | None = None
        self._layer: weakref.ref[Labels] | None = None
        self._told: np.ndarray | None = None
        self._wiring = Connections()
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._tell)

    @property
    def wanted(self) -> bool:
        """Whether the user wants it, even if there is no mask."""
        return self._wanted

    @property
    def active(self) -> bool:
        """Whether anything can be left out."""
        return self._wanted and self._mask() is not None

    @property
    def cover(self) -> CellMask | None:
        """What is left out; None where nothing can be."""
        mask = self._mask()
        if not self._wanted or mask is None or self._grid is None:
            return None
        return CellMask(mask, self._grid)

    def want(self, wanted: bool) -> None:
        """Begin or end to leave out what the mask covers."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._tell(at_all=True)

    def use(self, layer: Labels | None, grid: "CellGrid | None") -> None:
        """Take another mask, whose cells lie on the image as the grid says."""
        self._wiring.close()
        self._grid = grid
        self._layer = None if layer is None else weakref.ref(layer)
        if layer is not None:
            self._wiring.connect(layer.events.paint, self._on_edit)
            self._wiring.connect(layer.events.set_data, self._on_edit)
        self._tell()

    def lose(self, layer: object) -> None:
        """A layer is deleted; if it was the mask, nothing is left out any more."""
        if self._layer is not None and self._layer() is layer:
            self.use(None, None)

    def close(self) -> None:
        """No change comes after this."""
        self._rest.stop()

    def covers(self, indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Which voxels ``(n,)``, flat in C order, are left out."""
        cover = self.cover
        if cover is None or cover.shape != tuple(shape) or not len(indices):
            return np.zeros(len(indices), bool)
        return cover.hides_at(indices)

    def without(self, change: LabelChange, shape: tuple[int, ...]) -> LabelChange:
        """The same change, with no label where the mask is."""
        covered = self.covers(change.indices, shape)
        if not covered.any():
            return change
        return replace(change, values=np.where(covered, 0, change.values))

    def _mask(self) -> np.ndarray | None:
        layer = self._layer() if self._layer is not None else None
        return None if layer is None else np.asarray(image_array(layer))

    def _on_edit(self, event: object) -> None:
        if self._wanted:
            self._rest.start()

    def _tell(self, *, at_all: bool = False) -> None:
        """Tell of another mask; scrolling through it draws it anew, too."""
        mask = self._mask()
        if at_all or (self._wanted and not _alike(mask, self._told)):
            self._told = None if mask is None else mask.copy()
            self.changed.emit()


def _alike(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
