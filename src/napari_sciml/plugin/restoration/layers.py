"""The layers that show a restored image, what was removed, and the uncertainty."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_sciml.images.tiles import Region
from napari_sciml.plugin.layers.images import CAUTIONS, pixels
from napari_sciml.workflows.restoring.arrays import Restored

if TYPE_CHECKING:
    from napari_sciml.plugin.layers.layers import LayerGroup

REMOVED, UNCERTAINTY = "Removed", "Uncertainty of restoring"
SWIPE_KEY = "B"
"""Held, it shows what was before; napari 0.9 has nothing on it."""


class RestoredLayers:
    """Shows a restored image on its image.

    Parameters
    ----------
    layers
        Our layers in the viewer.
    viewer
        Gives the viewer, or None when it is gone.
    """

    def __init__(self, layers: "LayerGroup", viewer: Callable[[], Any]) -> None:
        self._layers, self._viewer = layers, viewer
        self._name = ""
        self._values: np.ndarray | None = None

    @property
    def layer(self) -> Image | None:
        """The restored image, unless the user has deleted it."""
        found = self._layers.get(self._name) if self._name else None
        return found if isinstance(found, Image) else None

    def show_region(self, on: Image, region: Region, values: np.ndarray) -> None:
        """Show a part; all else is still as in the image."""
        if self._values is None or self._name != _name(on):
            self._begin(on)
        assert self._values is not None
        self._values[region] = values
        self._layers.touch(self._name)

    def show(self, on: Image, found: Restored, gone: np.ndarray) -> None:
        """Show the whole result."""
        if self._values is None or self._name != _name(on):
            self._begin(on)
        assert self._values is not None
        self._values[...] = found.image
        self._layers.touch(self._name)
        layer = self.layer
        if layer is not None:
            layer.metadata[CAUTIONS] = ("This is a restored image.", *found.cautions)
        most = 4 * max(found.removed.sd, 1e-12)
        self._aside(REMOVED, gone, on, (-most, most))
        if found.std is not None:
            most = float(np.quantile(found.std.ravel()[::97], 0.999)) or 1.0
            self._aside(UNCERTAINTY, found.std, on, (0, most), colormap="magma")

    def remove(self) -> None:
        """Take a restored image away that is not whole."""
        layer = self.layer
        self.forget()
        viewer = self._viewer()
        if layer is not None and viewer is not None:
            viewer.layers.remove(layer)

    def forget(self) -> None:
        """Another image is next."""
        self._name, self._values = "", None

    def swipe(self, original: bool) -> None:
        """Hide the restored image for a while, or show it again."""
        layer = self.layer
        if layer is not None:
            layer.visible = not original

    def _begin(self, on: Image) -> None:
        self._name = _name(on)
        self._values = np.array(pixels(on), np.float32)
        look = {"contrast_limits": on.contrast_limits, "colormap": on.colormap}
        layer = self._layers.show_image(self._name, self._values, on, **look)
        layer.visible = True

        def hold(layer: Image) -> Iterator[None]:
            """Show the original while the key is held."""
            layer.visible = False
            yield
            layer.visible = True

        layer.bind_key(SWIPE_KEY, hold, overwrite=True)

    def _aside(
        self,
        name: str,
        values: np.ndarray,
        on: Image,
        limits: tuple[float, float],
        colormap: str = "gray",
    ) -> None:
        new = self._layers.get(name) is None
        layer = self._layers.show_image(name, values, on, colormap=colormap)
        layer.contrast_limits = limits
        if new:
            layer.visible = False


def _name(image: Image) -> str:
    return f"Restored {image.name}"
