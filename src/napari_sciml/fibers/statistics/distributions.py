"""All distributions of a sample as numbers with intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.border import effective_number, whole_fiber_weights
from napari_sciml.fibers.geometry.voxels import make_grid
from napari_sciml.fibers.statistics.bootstrap import (
    DRAWS,
    LEVEL,
    Interval,
    draw_anew,
    estimate,
    interval,
    ratio,
    weighted_mean,
    weighted_quantile,
)
from napari_sciml.fibers.statistics.length_distribution import unbiased_weights
from napari_sciml.fibers.statistics.length_fit import fit_lengths
from napari_sciml.fibers.statistics.survival import survival_lengths
from napari_sciml.fibers.statistics.tensors import describe_tensors

Array = NDArray[np.float64]

MEANS = ("arc_length", "diameter", "tortuosity", "curvature", "contacts", "spacing")
"""Columns whose means are given."""


def describe_distributions(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Give every number of the sample with its 95 % interval.

    Parameters
    ----------
    table
        From `measure_fibers`, with the same voxel size.
    shape, voxel_size
        Of the labels.
    draws, seed
        Of the bootstrap over fibers, which are taken as independent of each other.

    Returns
    -------
    dict
        To be written as JSON; a number is ``{"value", "low", "high"}``, None where it
        cannot be told. ``length`` is of the fibers as they are seen;
        ``length_corrected`` without the bias of the border (see `border`), and
        ``length_kaplan_meier`` with the cut fibers (see `survival`), None with fewer
        than five whole fibers; ``orientation`` as from `describe_tensors`.
        ``volume_fraction`` (in 2D ``area_fraction``) and ``fibers_per_volume`` take
        the number of fibers as Poisson distributed.

    Raises
    ------
    InputError
        If the voxel size does not fit the shape.
    """
    grid = make_grid(shape, voxel_size)
    total = grid.voxel_volume * float(np.prod(grid.shape))
    whole = whole_fiber_weights(table, shape, voxel_size)
    volume = table["volume"].to_numpy(np.float64)
    survival = survival_lengths(table, draws=draws, seed=seed)
    name = "area" if grid.flat else "volume"
    return {
        "level": LEVEL,
        "draws": draws,
        "seed": seed,
        f"{name}_fraction": _density(volume, total, draws, seed),
        f"fibers_per_{name}": _density(whole, total, draws, seed),
        "length": _lengths(table, np.ones(len(table)), draws, seed),
        "length_corrected": _corrected(table, shape, voxel_size, draws, seed),
        "length_kaplan_meier": survival.as_dict() if survival else None,
        **_means(table, draws, seed),
        "orientation": describe_tensors(table, draws=draws, seed=seed),
    }


def _lengths(
    table: pd.DataFrame, weights: Array, draws: int, seed: int
) -> dict[str, Any]:
    lengths = table["length"].to_numpy(np.float64)
    statistics = {
        "mean": weighted_mean(lengths, weights),
        "median": weighted_quantile(lengths, weights),
        "length_weighted_mean": weighted_mean(lengths, weights * lengths),
    }
    return {
        name: estimate(len(lengths), statistic, draws=draws, seed=seed).as_dict()
        for name, statistic in statistics.items()
    }


def _corrected(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None,
    draws: int,
    seed: int,
) -> dict[str, Any] | None:
    weights, possible = unbiased_weights(table, shape, voxel_size)
    if not possible:
        return None
    fit = fit_lengths(table["length"].to_numpy(np.float64), weights)
    return {
        "method": "whole fibers, each weighted by the inverse of its probability to "
        "lie wholly inside (Miles-Lantuejoul, Horvitz-Thompson)",
        "whole_fibers": int((weights > 0).sum()),
        "effective_number": effective_number(weights),
        **_lengths(table, weights, draws, seed),
        "fit": None
        if fit is None
        else {
            "family": fit.family,
            "shape": fit.shape,
            "scale": fit.scale,
            "mean": fit.mean,
            "aic_per_fiber": dict(fit.aic),
        },
    }


def _means(
    table: pd.DataFrame, draws: int, seed: int
) -> dict[str, dict[str, float | None]]:
    """Of all columns at once, each over the fibers that have the number."""
    values = table[list(MEANS)].to_numpy(np.float64)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)

    def means(counts: NDArray[np.float32]) -> Array:
        sums = np.asarray(counts @ filled, np.float64)
        return ratio(sums, np.asarray(counts @ known, np.float64))

    found = means(np.ones((1, len(values)), np.float32))[0]
    drawn = draw_anew(len(values), means, draws=draws, seed=seed)
    return {
        name: interval(float(found[i]), drawn[:, i]).as_dict()
        for i, name in enumerate(MEANS)
    }


def _density(
    amounts: Array, total: float, draws: int, seed: int
) -> dict[str, float | None]:
    """Sum over the fibers per volume; how many there are is random, too."""
    if not total:
        return Interval(np.nan, np.nan, np.nan).as_dict()
    drawn = draw_anew(len(amounts), lambda c: c @ amounts, draws=draws, seed=seed)
    rng = np.random.default_rng(seed)
    numbers = rng.poisson(len(amounts), len(drawn)) / max(len(amounts), 1)
    return interval(float(amounts.sum()) / total, drawn * numbers / total).as_dict()
