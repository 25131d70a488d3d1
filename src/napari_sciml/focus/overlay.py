"""A picture of an image with its tiles in the colors of their focus."""

import math
from typing import Any

import numpy as np

from napari_sciml.focus.colors import focus_colors
from napari_sciml.focus.rating.result import FocusResult
from napari_sciml.focus.rating.tiling import BAND_PIXELS
from napari_sciml.images.intensity import doubles

Array = np.ndarray[Any, np.dtype[Any]]
BORDER = 3
PICTURE_PIXELS = 2**24
"""Of a picture; of larger planes every second, third … pixel is shown."""


def overlay(plane: Any, result: FocusResult, place: tuple[int, ...] = ()) -> Array:
    """Draw the borders of the tiles over a gray plane.

    Parameters
    ----------
    plane
        ``(y, x)``, numpy or lazy, shown from its 1st to its 99.8th percentile.
    result
        Its rating.
    place
        Index of the plane in the leading axes of the rating.

    Returns
    -------
    ndarray
        ``(y, x, 3)``, uint8; smaller than the plane where that has more than
        `PICTURE_PIXELS`.
    """
    step = step_of(plane.shape)
    gray = np.nan_to_num(doubles(thinned(plane, step)))
    low, high = np.percentile(gray, [1, 99.8])
    gray -= low
    gray /= max(high - low, 1e-12)
    shown = np.round(np.clip(gray, 0, 1, out=gray) * 255).astype(np.uint8)
    picture = np.repeat(shown[..., None], 3, axis=2)
    colors = focus_colors(result.expected[place], result.certainty[place])[..., :3]
    bytes_ = np.round(colors * 255).astype(np.uint8)
    edge = result.tile // step
    border = min(BORDER, max(1, edge // 8)) if step > 1 else BORDER
    for row, y in enumerate(result.ys // step):
        for column, x in enumerate(result.xs // step):
            _frame(picture[y : y + edge, x : x + edge], bytes_[row, column], border)
    return picture


def step_of(shape: tuple[int, ...]) -> int:
    """Every how many pixels of a plane a picture shows."""
    return max(1, math.ceil(math.sqrt(shape[-2] * shape[-1] / PICTURE_PIXELS)))


def thinned(plane: Any, step: int) -> Array:
    """Every so many pixels of a plane along both axes, read in bands of rows."""
    height, width = (int(n) for n in plane.shape)
    rows = max(1, BAND_PIXELS // width // step) * step
    parts = [
        np.array(np.asarray(plane[top : top + rows])[::step, ::step])
        for top in range(0, height, rows)
    ]
    return np.concatenate(parts)


def _frame(tile: Array, color: Array, border: int) -> None:
    """Paint the border of a tile, in place."""
    tile[:border], tile[-border:] = color, color
    tile[:, :border], tile[:, -border:] = color, color
