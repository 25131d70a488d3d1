"""Pictures of distributions with their intervals, for paper and report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sciml.fibers.report.figures import (
    INK,
    LENGTH_COLOR,
    NUMBER_COLOR,
    drawn_symbol,
    new_figure,
    no_fibers,
    tidy,
)
from napari_sciml.fibers.report.hammer_axes import direction_text, draw_map
from napari_sciml.fibers.statistics.autocorrelation import SphereCorrelation
from napari_sciml.fibers.statistics.length_distribution import (
    LengthDistribution,
    length_distribution,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FAMILY = {"weibull": "Weibull", "lognormal": "log-normal"}
_GRAY = "#777777"
_NO_PEAK = 45.0
_NOISE = 2.0


def length_distribution_plot(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None = None,
    unit: str = "pixel",
) -> "Figure":
    """Draw the distribution of end-to-end lengths, by number and by length.

    Parameters
    ----------
    table
        From `measure_fibers`.
    shape, voxel_size, unit
        Of the labels.

    Returns
    -------
    Figure
        In each panel: bars with 95 % intervals, without the bias of the border where
        at least five fibers are whole; a line for what is seen, cut fibers too; the
        fitted distribution in its 95 % band; and the mean.

    Raises
    ------
    InputError
        If the voxel size does not fit the shape.
    """
    figure = new_figure(9.0, 3.7)
    if not len(table):
        return no_fibers(figure)
    panels = figure.subplots(1, 2)
    for axes, by_length in zip(panels, (False, True), strict=True):
        found = length_distribution(table, shape, voxel_size, by_length=by_length)
        _draw_distribution(axes, found, unit)
    return figure


def correlation_plot(found: SphereCorrelation, unit: str = "pixel") -> "Figure":
    """Draw the autocorrelation of the mask on a sphere, in the Hammer projection.

    Parameters
    ----------
    found
        From `sphere_correlation`.
    unit
        Unit of its radius.

    Returns
    -------
    Figure
        The colors reach over twice the width of the intervals, so that noise is pale.
    """
    figure = new_figure(7.2, 3.5)
    if np.isnan(found.map.density).any():
        words = "The volume is too thin for the sphere" if found.fraction else None
        return no_fibers(figure, words)
    noise = _NOISE * float(np.nan_to_num(np.median(found.high - found.low)))
    least = noise or 1.0
    axes = draw_map(figure, found.map, "Pair correlation (chance = 1)", least)
    radius = f"r = {found.radius:.4g} {drawn_symbol(unit)}"
    style: dict[str, Any] = {"color": INK, "fontsize": 10}
    axes.set_title(f"Autocorrelation of the mask, {radius}", loc="left", **style)
    axes.set_title(_peak(found), loc="right", color=INK, fontsize=9)
    return figure


def _peak(found: SphereCorrelation) -> str:
    peak = f"peak at {direction_text(found.peak)}"
    if np.isnan(found.cone_deg):
        return peak
    if found.cone_deg > _NO_PEAK:
        return "no direction stands out"
    return f"{peak}, within {found.cone_deg:.1f}°"


def sweep_plot(sweep: pd.DataFrame, unit: str = "pixel") -> "Figure":
    """Draw how lengths and numbers of fibers depend on the threshold.

    Parameters
    ----------
    sweep
        From `sweep_thresholds`.
    unit
        Unit of its lengths.
    """
    from matplotlib import colormaps

    figure = new_figure(10.5, 3.6)
    panels = figure.subplots(1, 3)
    groups = list(sweep.groupby("k"))
    for i, (k, rows) in enumerate(groups):
        color = colormaps["viridis"](0.8 * i / max(len(groups) - 1, 1))
        style: dict[str, Any] = {"color": color, "marker": "o", "ms": 3.5, "lw": 1.4}
        t = rows["t"].to_numpy()
        panels[0].plot(t, rows["length_mean"], label=f"k = {k:g}", **style)
        panels[0].fill_between(
            t, rows["length_low"], rows["length_high"], color=color, alpha=0.18, lw=0
        )
        panels[1].plot(t, rows["length_p50"], **style)
        for name in ("length_p10", "length_p90"):
            panels[1].plot(t, rows[name], **{**style, "ls": ":"})
        panels[2].plot(t, rows["fibers"], **style)
    symbol = drawn_symbol(unit)
    titles = (
        f"Mean length, 95 % interval ({symbol})",
        f"Length: median, 10 and 90 % ({symbol})",
        "Number of fibers",
    )
    for axes, title in zip(panels, titles, strict=True):
        axes.set_xlabel("Threshold t of mean $-$ k std > t")
        axes.set_title(title, fontsize=10, color=INK, loc="left")
        axes.set_ylim(bottom=0)
        tidy(axes)
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def _draw_distribution(axes: "Axes", found: LengthDistribution, unit: str) -> None:
    color = LENGTH_COLOR if found.by_length else NUMBER_COLOR
    width = float(found.edges[1] - found.edges[0])
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    what = "total length" if found.by_length else "fibers"
    kind = "border corrected" if found.corrected else "as seen"
    axes.bar(
        middle,
        found.share,
        width,
        color=color,
        alpha=0.55,
        ec="white",
        label=f"share of the {what}, {kind}",
    )
    if np.isfinite(found.low).all():
        sides = np.stack([found.share - found.low, found.high - found.share])
        axes.errorbar(
            middle,
            found.share,
            np.maximum(sides, 0),
            fmt="none",
            ecolor=INK,
            elinewidth=0.8,
            alpha=0.7,
        )
    if found.corrected:
        axes.stairs(
            found.seen, found.edges, color=_GRAY, lw=1.1, label="as seen, cut ones too"
        )
    _draw_fit(axes, found, width, color)
    symbol = drawn_symbol(unit)
    top = max(found.share.max(), found.seen.max(), np.nan_to_num(found.high).max())
    axes.plot([found.mean.value] * 2, [0, 1.05 * top], color=color, lw=1.0, ls="--")
    axes.set_title(
        f"{'Length' if found.by_length else 'Number'}-weighted mean: "
        f"{found.mean.text()} {symbol}",
        fontsize=9,
        color=INK,
        loc="left",
    )
    axes.set_xlabel(f"Fiber length, end to end ({symbol})")
    axes.set_ylabel("Share per bin")
    axes.set_ylim(0, 1.4 * top)  # room for the legend
    axes.legend(frameon=False, fontsize=7.5, loc="upper left", ncols=1)
    tidy(axes)


def _draw_fit(
    axes: "Axes", found: LengthDistribution, width: float, color: str
) -> None:
    if found.curve is None or found.fit is None:
        return
    x, y, low, high = found.curve
    label = f"{_FAMILY[found.fit.family]} fit, 95 % band"
    axes.plot(x, width * y, color=INK, lw=1.5, label=label)
    axes.fill_between(x, width * low, width * high, color=color, alpha=0.3, lw=0)
