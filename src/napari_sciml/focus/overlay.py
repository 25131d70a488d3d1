"""A picture of an image with its tiles in the colors of their focus."""

from typing import Any

import numpy as np

from napari_sciml.focus.colors import focus_colors
from napari_sciml.focus.rating.result import FocusResult

Array = np.ndarray[Any, np.dtype[Any]]
BORDER = 3


def overlay(plane: Any, result: FocusResult, place: tuple[int, ...] = ()) -> Array:
    """Draw the borders of the tiles over a gray plane.

    Parameters
    ----------
    plane
        ``(y, x)``, shown from its 1st to its 99.8th percentile.
    result
        Its rating.
    place
        Index of the plane in the leading axes of the rating.

    Returns
    -------
    ndarray
        ``(y, x, 3)``, uint8.
    """
    gray = np.nan_to_num(np.asarray(plane, dtype=np.float64))
    low, high = np.percentile(gray, [1, 99.8])
    gray = np.clip((gray - low) / max(high - low, 1e-12), 0, 1)
    picture = np.repeat(gray[..., None], 3, axis=2)
    colors = focus_colors(result.expected[place], result.certainty[place])[..., :3]
    for row, y in enumerate(result.ys):
        for column, x in enumerate(result.xs):
            tile = picture[y : y + result.tile, x : x + result.tile]
            _frame(tile, colors[row, column])
    return np.round(picture * 255).astype(np.uint8)


def _frame(tile: Array, color: Array) -> None:
    """Paint the border of a tile, in place."""
    tile[:BORDER], tile[-BORDER:] = color, color
    tile[:, :BORDER], tile[:, -BORDER:] = color, color
