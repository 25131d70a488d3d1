"""Colors of the overlay: hue for the level, lightness for the certainty."""

from typing import Any

import numpy as np

from napari_sciml.focus.levels import LEVELS
from napari_sciml.images.hsv import from_hsv

Array = np.ndarray[Any, np.dtype[Any]]
LAST_HUE = 2 / 3
"""Hue of the worst level: blue. Red to blue does not wrap, so no two levels match."""
SATURATION = 0.95
DARKEST = 0.15
SURE = 0.7
"""A tile with much to see seldom gets more certain: as bright as there is."""


def focus_colors(level: Any, certainty: Any) -> Array:
    """Colors of tiles.

    Parameters
    ----------
    level
        Level 0 (red) to 10 (blue); may be fractional (the expected level).
    certainty
        0 (dark) to `SURE` or more (bright), of a shape that fits ``level``.

    Returns
    -------
    ndarray
        RGBA ``(…, 4)``, float32 in 0..1.
    """
    level, certainty = np.broadcast_arrays(
        np.asarray(level, float), np.asarray(certainty, float)
    )
    share = np.clip(np.nan_to_num(level) / (LEVELS - 1), 0, 1)
    bright = DARKEST + (1 - DARKEST) * np.clip(np.nan_to_num(certainty) / SURE, 0, 1)
    rgb = from_hsv(share * LAST_HUE, SATURATION, bright)
    alpha = np.ones((*share.shape, 1))
    return np.concatenate([rgb, alpha], axis=-1).astype(np.float32)


def legend(rows: int = 24) -> Array:
    """Legend ``(rows, 11, 4)``: levels from left to right, certain at the top."""
    return focus_colors(np.arange(LEVELS)[None, :], np.linspace(SURE, 0, rows)[:, None])
