"""The distribution of length as it goes into a figure: bars, curve, bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.border import whole_fiber_weights
from napari_sciml.fibers.statistics.bootstrap import (
    Interval,
    band,
    draw_anew,
    estimate,
    ratio,
    weighted_mean,
)
from napari_sciml.fibers.statistics.length_fit import (
    LengthFit,
    density,
    fit_lengths,
    fit_many,
    mean_of,
)

Array = NDArray[np.float64]

DRAWS = 300
_MOST_BINS = 40
_POINTS = 200
_FEWEST_WHOLE = 5


@dataclass(frozen=True)
class LengthDistribution:
    """Shares of the fibers, or of their total length, by length.

    Attributes
    ----------
    edges
        ``(m + 1,)`` of the bins, in the unit of the table.
    share, low, high
        ``(m,)`` share in each bin and its 95 % interval (NaN with one fiber).
    seen
        ``(m,)`` share of all fibers as they are seen, cut ones too.
    curve
        ``(4, 200)``: lengths; the fitted density at them, and its 95 % band. None
        where nothing could be fitted.
    fit
        Of the lengths of the fibers, in both weightings.
    mean
        Mean length in this weighting.
    by_length
        Whether fibers count by their length.
    corrected
        Whether the bias of the border is undone; not with fewer than five whole
        fibers.
    """

    edges: Array
    share: Array
    low: Array
    high: Array
    seen: Array
    curve: Array | None
    fit: LengthFit | None
    mean: Interval
    by_length: bool
    corrected: bool


def length_distribution(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None = None,
    *,
    by_length: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> LengthDistribution:
    """Estimate the distribution of end-to-end lengths.

    Parameters
    ----------
    table
        From `measure_fibers`; at least one fiber.
    shape, voxel_size
        Of the labels.
    by_length
        Fibers count by their length instead of alike.
    draws, seed
        Of the bootstrap over fibers.

    Raises
    ------
    InputError
        If the voxel size does not fit the shape.
    """
    lengths = table["length"].to_numpy(np.float64)
    weights, corrected = unbiased_weights(table, shape, voxel_size)
    factor = lengths if by_length else np.ones(len(lengths))
    edges = length_bins(lengths)
    member = _members(lengths, edges)

    def shares(counts: NDArray[np.float32]) -> Array:
        sums = counts @ (member * (weights * factor)[:, None])
        return ratio(sums, np.broadcast_to(sums.sum(1, keepdims=True), sums.shape))

    drawn = draw_anew(len(lengths), shares, draws=draws, seed=seed)
    low, high = band(drawn)
    fit = fit_lengths(lengths, weights)
    curve = _curve(lengths, weights, fit, by_length, draws, seed) if fit else None
    mean = weighted_mean(lengths, weights * factor)
    return LengthDistribution(
        edges,
        shares(np.ones((1, len(lengths)), np.float32))[0],
        low,
        high,
        (member * factor[:, None]).sum(0) / factor.sum(),
        curve,
        fit,
        estimate(len(lengths), mean, seed=seed),
        by_length,
        corrected,
    )


def unbiased_weights(
    table: pd.DataFrame, shape: Sequence[int], voxel_size: Sequence[float] | None
) -> tuple[Array, bool]:
    """Weights of `whole_fiber_weights`, or ones where hardly any fiber is whole."""
    weights = whole_fiber_weights(table, shape, voxel_size)
    corrected = int((weights > 0).sum()) >= _FEWEST_WHOLE
    return (weights if corrected else np.ones(len(table))), corrected


def length_bins(lengths: Array) -> Array:
    """Edges of at most 40 bins that hold all lengths."""
    low, high = float(lengths.min()), float(lengths.max())
    if high - low < 1e-6 * high:
        return np.linspace(0.5 * low, 1.5 * high, 6)
    edges = np.histogram_bin_edges(lengths, "auto")
    most = min(_MOST_BINS, max(5, len(lengths) // 2))
    count = min(max(len(edges) - 1, 5), most)
    return np.linspace(low, high, count + 1)


def _members(lengths: Array, edges: Array) -> NDArray[np.float32]:
    """``(n, m)``: 1 where a fiber is in a bin."""
    place = np.searchsorted(edges, lengths, side="right") - 1
    place = np.clip(place, 0, len(edges) - 2)
    return np.eye(len(edges) - 1, dtype=np.float32)[place]


def _curve(
    lengths: Array,
    weights: Array,
    fit: LengthFit,
    by_length: bool,
    draws: int,
    seed: int,
) -> Array:
    # Not from 0, where the density of many short fibers is infinite.
    longest = float(lengths.max())
    places = np.linspace(longest / _POINTS, 1.05 * longest, _POINTS)
    used = np.flatnonzero((lengths > 0) & (weights > 0))

    def parameters(counts: NDArray[np.float32]) -> Array:
        return fit_many(fit.family, lengths[used], counts[:, used] * weights[used])

    best = np.array([[fit.shape, fit.scale]])
    drawn = draw_anew(len(lengths), parameters, draws=draws, seed=seed)
    curves = _densities(fit.family, places, np.concatenate([best, drawn]), by_length)
    low, high = band(curves[1:])
    return np.stack([places, curves[0], low, high])


def _densities(family: str, places: Array, drawn: Array, by_length: bool) -> Array:
    shape, scale = drawn.T[:, :, None]
    values = density(family, places, shape, scale)
    if by_length:
        values = values * places / mean_of(family, shape, scale)
    return np.nan_to_num(values)
