"""Where the tiles of an image lie."""

from typing import Any

import numpy as np

from napari_sciml.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


def starts(length: int, tile: int, stride: int) -> Array:
    """First pixels of the tiles along one axis.

    A last tile is moved back so that it ends with the image: no pixel is left out
    while the stride is no longer than the tile.
    """
    if length < tile:
        raise InputError(
            f"The image is {length} pixels along an axis, smaller than a tile of "
            f"{tile}; use a larger image or a smaller tile."
        )
    places = list(range(0, length - tile + 1, stride))
    if places[-1] + tile < length:
        places.append(length - tile)
    return np.asarray(places)


def cut(plane: Array, ys: Array, xs: Array, tile: int) -> Array:
    """Tiles of a plane ``(y, x)`` row by row, ``(rows * columns, tile, tile)``."""
    windows = np.lib.stride_tricks.sliding_window_view(plane, (tile, tile))
    return windows[np.ix_(ys, xs)].reshape(-1, tile, tile)
