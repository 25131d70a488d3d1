"""Layers of images with several channels."""

from typing import Any

import numpy as np
from napari.layers import Image

from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import layer_transform, shear_matrix

CHANNEL_AXIS = "channel"


def channels_on(image: Image, channels: np.ndarray, name: str) -> Image:
    """Make a layer of several channels, which lies where an image does.

    Parameters
    ----------
    image
        Of one channel.
    channels
        ``(channel, …)``, of the image's shape without axes of length 1.
    name
        Of the layer.
    """
    axes = LayerAxes.of(image)
    data = channels
    if not axes.plain:
        data = np.stack([axes.lift(one) for one in channels])
    place: dict[str, Any] = layer_transform(image)
    ndim = data.ndim - 1
    for kind, first in (("scale", 1.0), ("translate", 0.0)):
        place[kind] = (first, *place[kind])
    for kind, label in (("units", "pixel"), ("axis_labels", CHANNEL_AXIS)):
        place[kind] = (label, *place[kind])
    place["shear"] = shear_matrix(place["shear"], ndim)
    for kind in ("rotate", "shear", "affine"):
        place[kind] = _with_an_axis_before(place[kind])
    look = {"contrast_limits": image.contrast_limits, "colormap": image.colormap}
    return Image(data, name=name, **look, **place)


def _with_an_axis_before(matrix: Any) -> np.ndarray:
    """What a matrix does, and nothing to a first axis."""
    found = np.eye(len(matrix) + 1)
    found[1:, 1:] = matrix
    return found
