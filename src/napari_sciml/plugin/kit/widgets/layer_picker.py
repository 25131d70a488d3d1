"""A list of layers to choose from that keeps up with the viewer."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

from napari_sciml.plugin.kit.connections import Connections


class LayerPicker(QComboBox):
    """Offers the layers that a predicate lets through.

    Parameters
    ----------
    viewer
        The viewer, not napari's proxy of it.
    offered
        Gives the layers to offer, in order.
    name, tooltip
        Of the control.
    """

    picked = Signal(object)

    def __init__(
        self,
        viewer: Any,
        offered: Callable[[], list[Layer]],
        *,
        name: str,
        tooltip: str,
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tooltip)
        self.setMinimumContentsLength(12)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self._offered = offered
        self._layers: list[Layer] = []
        self._wiring = Connections()
        self._names = Connections()
        self.destroyed.connect(self._wiring.close)
        self.destroyed.connect(self._names.close)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            self._wiring.connect(event, self.refill)
        self.activated.connect(self._on_activated)
        self.refill()

    @property
    def layer(self) -> Layer | None:
        """The chosen layer."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Layer | None) -> None:
        """Choose a layer from the program; nothing is emitted."""
        known = [i for i, offered in enumerate(self._layers) if offered is layer]
        self.setCurrentIndex(known[0] if known else -1)

    def refill(self, event: object = None) -> None:
        """Offer what there is now; the choice stays where it can."""
        chosen = self.layer
        self._layers = self._offered()
        self._names.close()
        for layer in self._layers:
            self._names.connect(layer.events.name, self.refill)
        blocked = self.blockSignals(True)
        self.clear()
        self.addItems([layer.name for layer in self._layers])
        self.choose(chosen)
        if self.currentIndex() < 0 and self._layers:
            self.setCurrentIndex(0)
        self.blockSignals(blocked)

    def _on_activated(self, index: int) -> None:
        self.picked.emit(self._layers[index])
