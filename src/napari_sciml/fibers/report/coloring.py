"""Colors that tell something about a fiber."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from napari_sciml.errors import InputError
from napari_sciml.fibers.report.filtering import filtered_values
from napari_sciml.fibers.statistics.summary import directions_of

Array = NDArray[np.float64]

ON_A_SCALE = ("length", "confidence", "diameter")
"""What fibers are colored by with a color bar."""
COLOR_BY = ("number", "length", "direction", "confidence", "diameter")
UNKNOWN = (0.5, 0.5, 0.5)
"""Color of what cannot be told."""
_ENDS = (2.0, 98.0)
_HUES = (
    (0.902, 0.624, 0.000),
    (0.337, 0.706, 0.914),
    (0.835, 0.369, 0.000),
    (0.000, 0.620, 0.451),
    (0.941, 0.894, 0.259),
    (0.800, 0.475, 0.655),
    (0.000, 0.447, 0.698),
)
"""Of Okabe and Ito, "Color universal design" (2008), for all kinds of color vision."""
_TINTS = (0.0, 0.45)
"""Shares of white."""
_NUMBER_COLORS = np.array(
    [(1 - tint) * np.array(hue) + tint for tint in _TINTS for hue in _HUES]
)
_CENTERS = ["centroid_z", "centroid_y", "centroid_x"]
_NEIGHBORS = 6
"""Nearest fibers that have other colors."""
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
        return colors_apart(table)
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
    """A color ``(n, 3)`` a number; neighbors in number have other hues."""
    return _NUMBER_COLORS[np.asarray(labels, np.int64) % len(_NUMBER_COLORS)]


def colors_apart(table: pd.DataFrame) -> Array:
    """A color ``(n, 3)`` a fiber, other ones than those of the fibers near it.

    Where there is room for it, a fiber has the color of its number.
    """
    labels = table["label"].to_numpy(np.int64)
    chosen = np.full(len(table), -1)
    beside, many = _beside(table), len(_NUMBER_COLORS)
    for fiber in np.argsort(labels).tolist():
        taken = set(chosen[beside[fiber]].tolist())
        turns = ((labels[fiber] + np.arange(many)) % many).tolist()
        chosen[fiber] = next((color for color in turns if color not in taken), turns[0])
    return _NUMBER_COLORS[chosen]


def _beside(table: pd.DataFrame) -> list[list[int]]:
    """Rows of the nearest fibers of each, and of those that it is nearest to."""
    found: list[list[int]] = [[] for _ in range(len(table))]
    near = min(_NEIGHBORS + 1, len(table))
    if near < 2 or not set(_CENTERS) & set(table):
        return found
    known = [name for name in _CENTERS if name in table]
    centers = np.nan_to_num(table[known].to_numpy(float))
    nearest = np.asarray(KDTree(centers).query(centers, k=near)[1])
    for fiber in range(len(table)):
        for other in nearest[fiber].tolist():
            found[fiber].append(other)
            found[other].append(fiber)
    return found


def _values(table: pd.DataFrame, by: str) -> Array:
    if by not in ON_A_SCALE:
        raise InputError(f"Fibers cannot be colored by {by!r}; take one of {COLOR_BY}.")
    return filtered_values(table, by)
