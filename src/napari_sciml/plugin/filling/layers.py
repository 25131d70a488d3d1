"""The layers that show gaps, and what they are filled with."""

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points

from napari_sciml.filling.result import Filled
from napari_sciml.plugin.layers.images import layer_transform, space_of
from napari_sciml.plugin.layers.layers import LayerGroup

GAPS = "Gaps"
UNCERTAINTY = "Uncertainty of filling"
CENTER = "Center of the pattern"
FAINT = 0.35
CENTER_SIZE = 14


def name_of_filled(image: Image) -> str:
    """What the filled layer of an image is called."""
    return f"Filled {image.name}"


def show_gaps(layers: LayerGroup, gaps: np.ndarray, on: Image) -> Labels:
    """Show gaps as labels that the user can paint on: 1 = gap."""
    shown = gaps.astype(np.uint8)
    layer = layers.show_labels(GAPS, shown, on, opacity=FAINT)
    if layer.data.dtype == np.uint8 and not layer.visible:
        layer.visible = True
    layer.selected_label = 1
    return layer


def show_filled(layers: LayerGroup, filled: Filled, on: Image) -> None:
    """Show a filled image over its original, and its uncertainty, hidden at first."""
    look: dict[str, Any] = {
        "colormap": on.colormap,
        "contrast_limits": on.contrast_limits,
        "gamma": on.gamma,
    }
    layers.show_image(name_of_filled(on), filled.image, on, **look)
    known = filled.std[filled.filled_mask]
    top = float(np.percentile(known, 99)) if known.size else 1.0
    layers.show_image(
        UNCERTAINTY,
        filled.std,
        on,
        visible=False,
        colormap="magma",
        contrast_limits=(0.0, max(top, 1e-6)),
    )


def show_center(
    layers: LayerGroup, viewer: Any, center: tuple[float, float], on: Image
) -> None:
    """Show the center as a point to drag."""
    layer = layers.get(CENTER)
    point = np.array([center])
    if isinstance(layer, Points):
        layer.data = point
        return
    active = viewer.layers.selection.active
    layer = Points(
        point,
        name=CENTER,
        symbol="cross",
        size=CENTER_SIZE,
        face_color="transparent",
        border_color="#ff5c39",
        border_width=0.15,
        **layer_transform(on, space_of(on)[-2:]),
    )
    viewer.add_layer(layer)
    layer.mode = "select"
    viewer.layers.selection.active = active
    layers.adopt(CENTER, layer)


def dragged_center(layers: LayerGroup) -> tuple[float, float] | None:
    """Where the point of the center is now; None where there is not just one."""
    layer = layers.get(CENTER)
    if not isinstance(layer, Points) or len(layer.data) != 1:
        return None
    y, x = (float(value) for value in layer.data[0][-2:])
    return y, x
