"""Dim the layers that show what an older model said."""

from weakref import WeakKeyDictionary

from napari.layers import Layer

DIMMED = 0.5
"""Share of its opacity that an outdated layer keeps."""


class Dimmer:
    """Lowers the opacity of layers for a while, and respects what the user sets."""

    def __init__(self) -> None:
        self._normal: WeakKeyDictionary[Layer, float] = WeakKeyDictionary()

    def show(self, layer: Layer, fresh: bool) -> None:
        """Show a layer as up to date, or dimmed."""
        normal = self._normal.get(layer)
        # A user who has moved the slider meanwhile is right.
        if normal is not None and abs(layer.opacity - DIMMED * normal) > 1e-6:
            normal = None
            self._normal.pop(layer)
        if fresh and normal is not None:
            layer.opacity = self._normal.pop(layer)
        elif not fresh and normal is None:
            self._normal[layer] = layer.opacity
            layer.opacity = DIMMED * layer.opacity
