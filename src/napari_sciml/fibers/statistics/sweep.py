"""How the choice of the threshold carries over to the lengths."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.statistics.bootstrap import (
    estimate,
    weighted_mean,
    weighted_quantile,
)
from napari_sciml.fibers.statistics.length_distribution import unbiased_weights
from napari_sciml.uncertainty.threshold import confident

KS = (0.0, 1.0, 2.0)
TS = (0.3, 0.4, 0.5, 0.6, 0.7)
QUANTILES = (10, 25, 50, 75, 90)
_DRAWS = 300

LabelFibers = Callable[[NDArray[np.bool_]], NDArray[Any]]
"""From a mask to labels."""


def sweep_thresholds(
    mean: ArrayLike,
    std: ArrayLike,
    label: LabelFibers,
    *,
    ks: Sequence[float] = KS,
    ts: Sequence[float] = TS,
    voxel_size: Sequence[float] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Find and measure the fibers at each k and t.

    Parameters
    ----------
    mean, std
        Of the probability of the fibers, over the ensemble, ``(z, y, x)`` or
        ``(y, x)``.
    label
        Makes labels of a mask, such as `label_fibers` with its settings.
    ks, ts
        Kept is where mean - k std > t; see `confident`.
    voxel_size
        Edge of a voxel along each axis; None = 1.
    seed
        Of the bootstrap over fibers.

    Returns
    -------
    DataFrame
        A row for each k and t: ``k``, ``t``, ``fraction`` (of the volume),
        ``fibers``, ``touching_border``; ``length_mean`` with ``length_low`` and
        ``length_high``, its 95 % interval over the fibers; the quantiles
        ``length_p10`` to ``length_p90``; ``corrected``, whether these are without the
        bias of the border (see `border`; not with fewer than five whole fibers). NaN
        where there are no fibers.

    Raises
    ------
    InputError
        As in `confident` and `measure_fibers`.
    """
    rows = sweep_rows(mean, std, label, ks=ks, ts=ts, voxel_size=voxel_size, seed=seed)
    return pd.DataFrame(list(rows))


def sweep_rows(
    mean: ArrayLike,
    std: ArrayLike,
    label: LabelFibers,
    *,
    ks: Sequence[float] = KS,
    ts: Sequence[float] = TS,
    voxel_size: Sequence[float] | None = None,
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Give the rows of `sweep_thresholds` one by one, as they are done."""
    for k, t in product(ks, ts):
        labels = label(confident(mean, std, k=k, t=t))
        table = measure_fibers(labels, voxel_size=voxel_size)
        yield {
            "k": float(k),
            "t": float(t),
            "fraction": float(table["voxels"].sum() / max(labels.size, 1)),
            "fibers": len(table),
            "touching_border": int(table["touches_border"].sum()),
            **_lengths(table, labels.shape, voxel_size, seed),
        }


def _lengths(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None,
    seed: int,
) -> dict[str, Any]:
    lengths = table["length"].to_numpy(np.float64)
    weights, corrected = unbiased_weights(table, shape, voxel_size)
    mean = weighted_mean(lengths, weights)
    found = estimate(len(lengths), mean, draws=_DRAWS, seed=seed)
    once = np.ones((1, len(lengths)), np.float32)
    quantiles = {
        f"length_p{q}": float(weighted_quantile(lengths, weights, q / 100)(once)[0])
        for q in QUANTILES
    }
    return {
        "length_mean": found.value,
        "length_low": found.low,
        "length_high": found.high,
        **quantiles,
        "corrected": corrected,
    }
