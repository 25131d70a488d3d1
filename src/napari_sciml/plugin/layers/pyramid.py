"""Coarser levels of large pictures, so that a viewer handles what is on its screen."""

import math
from types import MethodType
from typing import Any

import numpy as np
from napari.layers import Image

from napari_sciml.plugin.layers.blanking import Blanked, blanked

LARGE = 2**21
"""Pixels of a plane; napari takes some 0.1 s for a layer of this size, each time."""
COARSEST = 2**20
"""Pixels of a plane of the last level: napari makes thumbnails from it, and 3D."""


def pyramid_of(data: Any) -> list[Any]:
    """Levels of an array in memory, finest first; only itself where planes are small.

    The coarser levels are views that skip pixels: they take no memory and no time, and
    what is written into the array is in all of them.

    Parameters
    ----------
    data
        ``(…, y, x)``: an array, or one with blanks. Others that are read from a disk
        bring levels of their own.
    """
    source = data.source if isinstance(data, Blanked) else data
    if not isinstance(source, np.ndarray) or math.prod(source.shape[-2:]) <= LARGE:
        return [data]
    levels = [source]
    while math.prod(levels[-1].shape[-2:]) > COARSEST:
        step = 2 ** len(levels)
        levels.append(source[..., ::step, ::step])
    if isinstance(data, Blanked):
        return [blanked(level, data.cover) for level in levels]
    return levels


def save_finest(layer: Image) -> None:
    """Let a layer with levels be saved and copied as its finest one.

    The writers of napari 0.9 fail for several levels, or would take the coarsest one.
    """
    # Not a class of its own: napari finds the keys and modes of a layer by its class.
    vars(layer)["as_layer_data_tuple"] = MethodType(_finest_as_tuple, layer)


def _finest_as_tuple(layer: Image) -> tuple[Any, dict[str, Any], str]:
    data, look, kind = Image.as_layer_data_tuple(layer)
    if not layer.multiscale:
        return data, look, kind
    return np.asarray(data[0]), {**look, "multiscale": False}, kind
