"""Colors that tell something about a fiber."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.report.filtering import filtered_values
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.images.hsv import from_hsv

Array = NDArray[np.float64]

ON_A_SCALE = ("length", "confidence", "diameter")
"""What fibers are colored by with a color bar."""
COLOR_BY = ("number", "length", "direction", "confidence", "diameter")
UNKNOWN = (0.5, 0.5, 0.5)
"""Color of what cannot be told."""
_ENDS = (2.0, 98.0)
_GOLDEN = 0.6180339887498949
_VIRIDIS = np.array(
    [
        (0.267, 0.005, 0.329),
        (0.279, 0.175, 0.483),
        (0.230, 0.322, 0.546),
        (0.173, 0.449, 0.558),
        (0.128, 0.567, 0.551),
        (0.158, 0.684, 0.502),
        (0.369, 0.789, 0.383),
        (0.678, 0.864, 0.190),
        (0.993, 0.906, 0.144),
    ]
)
"""Eight equal steps of matplotlib's viridis."""


@dataclass(frozen=True)
class ColorScale:
    """Values of the two ends of a color bar.

    Attributes
    ----------
    low, high
        All that is below or above has the color of the end.
    least, greatest
        Of all values.
    """

    low: float
    high: float
    least: float
    greatest: float


def color_scale(table: pd.DataFrame, by: str) -> ColorScale | None:
    """Choose a scale that a few odd fibers do not spoil; None without values."""
    values = _values(table, by)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.percentile(values, _ENDS)
    return ColorScale(float(low), float(high), float(values.min()), float(values.max()))


def fiber_colors(
    table: pd.DataFrame, by: str, scale: ColorScale | None = None
) -> Array:
    """Color each fiber.

    Parameters
    ----------
    table
        From `measure_fibers`.
    by
        One of `COLOR_BY`. Direction: the parts of the unit vector along x, y and z
        are red, green and blue, whatever their sign.
    scale
        Of the color bar, from another table, say; None = of this one.

    Returns
    -------
    ndarray
        ``(n, 3)``, 0 to 1. Gray where it cannot be told.

    Raises
    ------
    InputError
        If `by` is none of these.
    """
    if by == "number":
        return number_colors(table["label"].to_numpy())
    if by == "direction":
        return np.abs(directions_of(table))[:, ::-1]
    values = _values(table, by)
    scale = scale or color_scale(table, by)
    if scale is None:
        return np.tile(UNKNOWN, (len(table), 1))
    span = scale.high - scale.low
    share = (values - scale.low) / span if span > 0 else np.full(len(values), 0.5)
    colors = bar_colors(np.nan_to_num(share))
    colors[~np.isfinite(values)] = UNKNOWN
    return colors


def bar_colors(share: ArrayLike) -> Array:
    """Colors ``(n, 3)`` of places along the color bar, 0 to 1."""
    place = np.clip(np.asarray(share, np.float64), 0, 1) * (len(_VIRIDIS) - 1)
    steps = np.arange(len(_VIRIDIS))
    return np.stack([np.interp(place, steps, part) for part in _VIRIDIS.T], axis=-1)


def number_colors(labels: ArrayLike) -> Array:
    """A color ``(n, 3)`` a number; neighbors in number are far apart in hue."""
    turns = np.asarray(labels, np.float64) * _GOLDEN
    return from_hsv(turns, 0.65 + 0.35 * (turns * 7 % 1))


def _values(table: pd.DataFrame, by: str) -> Array:
    if by not in ON_A_SCALE:
        raise InputError(f"Fibers cannot be colored by {by!r}; take one of {COLOR_BY}.")
    return filtered_values(table, by)
