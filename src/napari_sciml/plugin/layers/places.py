"""Where arrays lie that are finer, coarser or smaller than their image."""

from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine

from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import layer_transform


def place_of_part(layer: Layer, first: np.ndarray, steps: np.ndarray) -> dict[str, Any]:
    """Keywords that put an array of finer or coarser voxels on a part of an image.

    Parameters
    ----------
    layer
        The image.
    first
        Voxel of the image along each axis of space in which the array begins.
    steps
        Edges of a voxel of the array, in voxels of the image, along these axes.
    """
    place, axes = layer_transform(layer), LayerAxes.of(layer)
    begin = np.asarray(first, float) + (np.asarray(steps, float) - 1) / 2
    moved = np.asarray(to_physical(place)(axes.spread(begin, 0)))
    scale = np.array(place["scale"]) * axes.spread(steps, 1)
    return {**place, "translate": moved, "scale": scale}


def to_physical(place: dict[str, Any]) -> Affine:
    """From voxels to where scale, rotation, shear and translation put them."""
    names = ("scale", "translate", "rotate", "shear")
    return Affine(**{name: place[name] for name in names})
