"""Where the tiles of an image lie."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from napari_sciml.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
BAND_PIXELS = 2**24
"""Pixels of a plane that are read at once; smaller planes come whole."""


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
    places = np.arange(0, length - tile + 1, stride)
    if places[-1] + tile < length:
        places = np.append(places, length - tile)
    return places


def count_tiles(shape: Sequence[int], tile: int, stride: int) -> int:
    """How many tiles ``(…, y, x)`` has, without making a list of them."""
    along = [-(-max(0, n - tile) // stride) + 1 for n in shape[-2:]]
    return math.prod((*(int(n) for n in shape[:-2]), *along))


def bands(ys: Array, tile: int, width: int) -> Iterator[range]:
    """Rows of tiles that are read at once."""
    first = 0
    while first < len(ys):
        reach = ys[first] + max(tile, BAND_PIXELS // width)
        last = max(int(np.searchsorted(ys, reach - tile, side="right")), first + 1)
        yield range(first, last)
        first = last


def batches(rows: range, columns: int, batch: int) -> Iterator[Array]:
    """Row and column ``(n, 2)`` of the tiles of each batch, row by row."""
    first, last = rows.start * columns, rows.stop * columns
    for start in range(first, last, batch):
        numbers = np.arange(start, min(start + batch, last))
        yield np.stack(np.divmod(numbers, columns), axis=-1)


def cut(band: Array, top: int, ys: Array, xs: Array, tile: int) -> Array:
    """Tiles ``(n, tile, tile)`` of a band of a plane that begins at a row ``top``."""
    pairs = zip(ys, xs, strict=True)
    return np.stack([band[y - top : y - top + tile, x : x + tile] for y, x in pairs])
