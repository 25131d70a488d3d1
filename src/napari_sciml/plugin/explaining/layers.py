"""The layers that show what is around a voxel, and the strokes like it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Points
from napari.utils.colormaps import Colormap

from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.places import place_of_part

if TYPE_CHECKING:
    from napari_sciml.explaining.occlusion import Occlusion
    from napari_sciml.plugin.state.workspace import Workspace

AROUND, STROKES = "Why (what around)", "Why (strokes)"
FOR, AGAINST = "#e0402f", "#3a7bd5"
OPACITY = 0.6
POINT_SIZE = 5
"""Voxels."""


class WhyLayers:
    """Temporary layers on the image at hand.

    Parameters
    ----------
    workspace
        Has the image and our layers.
    """

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace

    def show_around(self, image: Image, found: "Occlusion") -> None:
        """Show what speaks for the class, and what against it."""
        layers, values = self._workspace.layers, found.image
        first = np.array([part.start for part in found.blocks.window])
        place = place_of_part(image, first, np.ones(len(first)))
        options = {
            "colormap": _for_and_against(),
            "contrast_limits": (-found.limit, found.limit),
            "blending": "translucent",
            "opacity": OPACITY,
            **place,
        }
        layer = layers.get(AROUND)
        if isinstance(layer, Image) and not layer.multiscale:
            # At the border it has another shape; to remove a layer takes half a second.
            layer.data = LayerAxes.of(image).lift(values)
        else:
            layer = layers.show_image(AROUND, values, image, **options)
        layer.translate = place["translate"]
        layer.contrast_limits_range = layer.contrast_limits = (
            -found.limit,
            found.limit,
        )

    def show_strokes(
        self, image: Image, places: Sequence[Sequence[int]], colors: Sequence[str]
    ) -> None:
        """Mark labeled places in the colors of their classes."""
        axes = LayerAxes.of(image)
        points = np.array([axes.spread(place, 0) for place in places])
        layer = self._workspace.layers.get(STROKES)
        if isinstance(layer, Points) and len(layer.data) == len(points) > 0:
            layer.data, layer.border_color = points, list(colors)
            return
        self._remove(STROKES)  # points that come and go do not keep their colors
        if len(points):
            self._workspace.layers.show_points(
                STROKES,
                points,
                image,
                face_color="transparent",
                border_color=list(colors),
                border_width=0.2,
                size=POINT_SIZE,
            )

    def remove(self) -> None:
        """Take both away."""
        self._remove(AROUND)
        self._remove(STROKES)

    def _remove(self, name: str) -> None:
        layer, viewer = self._workspace.layers.get(name), self._workspace.viewer
        if layer is not None and viewer is not None:
            viewer.layers.remove(layer)


def _for_and_against() -> Colormap:
    """Blue against, nothing, red for."""
    colors = [AGAINST, "#00000000", FOR]
    return Colormap(colors, name="speaks against and for")
