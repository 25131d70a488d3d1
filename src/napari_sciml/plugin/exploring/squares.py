"""The squares of the selected patches in the image, linked with the map both ways."""

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Points
from napari.layers.base import ActionType
from psygnal import Signal

from napari_sciml.plugin.exploring.layers import (
    EXPLORED,
    MOST_OUTLINES,
    places_in,
    show_selected,
)
from napari_sciml.plugin.kit.connections import Connections

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace


class Squares:
    """Shows patches as points of a layer, and hears what is done with these.

    Attributes
    ----------
    chosen
        Patches whose squares are selected in the layer, ascending.
    picked
        Other squares are selected.
    removed
        Squares were deleted: the patches.
    added
        A point was put into the layer: its place ``(axes,)`` in voxels of the image.
    """

    picked = Signal()
    removed = Signal(object)
    added = Signal(object)

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._wiring = Connections()
        self._shown: weakref.ref[Points] | None = None
        self._on: weakref.ref[Image] | None = None
        self._rows = np.zeros(0, np.intp)
        self._showing = False
        self.chosen = np.zeros(0, np.intp)

    def show(
        self, image: Image, rows: np.ndarray, places: np.ndarray, size: tuple[int, ...]
    ) -> None:
        """Show patches; of very many, some.

        Parameters
        ----------
        image
            Where they lie.
        rows, places
            Numbers ``(n,)`` of the patches, and their centers ``(n, axes)`` in voxels.
        size
            Shape of a patch.
        """
        step = max(1, -(-len(rows) // MOST_OUTLINES))
        self._rows, self._on = rows[::step], weakref.ref(image)
        layers, viewer = self._workspace.layers, self._workspace.viewer
        self._showing = True
        try:
            show_selected(layers, viewer, image, places[::step], size)
        finally:
            self._showing = False
        self._follow(layers.get(EXPLORED))
        self._on_picked()

    def choose(self, row: int) -> None:
        """Select the square of a patch, where it has one."""
        found = np.flatnonzero(self._rows == row)
        layer = self._workspace.layers.get(EXPLORED)
        if len(found) and layer is self._layer and isinstance(layer, Points):
            layer.selected_data = {int(found[0])}

    def close(self) -> None:
        """Hear no more."""
        self._wiring.close()
        self._shown = self._on = None

    @property
    def _layer(self) -> Points | None:
        return None if self._shown is None else self._shown()

    def _follow(self, layer: Any) -> None:
        if layer is self._layer:
            return
        self._wiring.close()
        self._wiring = Connections()
        self._shown = None
        if isinstance(layer, Points):
            self._shown = weakref.ref(layer)
            changed = layer.selected_data.events.items_changed
            self._wiring.connect(changed, self._on_picked)
            self._wiring.connect(layer.events.data, self._on_data)

    def _on_picked(self, event: Any = None) -> None:
        layer = self._layer
        if self._showing or layer is None or len(layer.data) != len(self._rows):
            return
        numbers = sorted(int(n) for n in layer.selected_data if n < len(self._rows))
        chosen = self._rows[numbers]
        if not np.array_equal(chosen, self.chosen):
            self.chosen = chosen
            self.picked.emit()

    def _on_data(self, event: Any) -> None:
        layer, image = self._layer, None if self._on is None else self._on()
        if self._showing or layer is None or image is None:
            return
        numbers = list(event.data_indices)
        if event.action == ActionType.REMOVED:
            gone = self._rows[numbers]
            self._rows = np.delete(self._rows, numbers)
            self.removed.emit(gone)
        elif event.action == ActionType.ADDED:
            places = places_in(image, layer, numbers)
            self.added.emit(places[-1])
