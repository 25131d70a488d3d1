"""Pictures of the distribution of lengths and directions, for paper and report.

Each function gives back a matplotlib Figure that the caller saves or shows. Without
fibers the figure says so.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.orientation import direction_density
from napari_sciml.fibers.orientation import hammer as project
from napari_sciml.fibers.report.figures import (
    INK,
    LENGTH_COLOR,
    NUMBER_COLOR,
    count_title,
    drawn_symbol,
    new_figure,
    no_fibers,
    tidy,
)
from napari_sciml.fibers.report.hammer_axes import (
    direction_text,
    draw_map,
    draw_outline,
)
from napari_sciml.fibers.statistics.bootstrap import band, draw_anew
from napari_sciml.fibers.statistics.direction_band import (
    DirectionBand,
    bandwidth_for,
    direction_band,
    peak_direction,
)
from napari_sciml.fibers.statistics.length_distribution import length_bins
from napari_sciml.fibers.statistics.summary import directions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

_MANY = 1000


def length_histogram(table: pd.DataFrame, unit: str = "pixel") -> "Figure":
    """Draw the distribution of end-to-end lengths.

    Parameters
    ----------
    table
        From `measure_fibers`.
    unit
        Unit of its lengths.

    Returns
    -------
    Figure
        Share of the fibers (bars) and of the total length (line) in each bin, with
        both means.
    """
    figure = new_figure(5.6, 3.6)
    lengths = table["length"].to_numpy(np.float64)
    if not len(lengths):
        return no_fibers(figure)
    axes = figure.add_subplot()
    edges = length_bins(lengths)
    share = np.full(len(lengths), 1 / len(lengths))
    by_length = lengths / lengths.sum()
    axes.hist(
        lengths,
        edges.tolist(),
        weights=share,
        color=NUMBER_COLOR,
        alpha=0.75,
        ec="white",
    )
    counts = np.histogram(lengths, edges, weights=by_length)[0]
    axes.stairs(counts, edges, color=LENGTH_COLOR, lw=1.6)
    _mark_means(axes, lengths, by_length, unit)
    axes.set_xlabel(f"Fiber length, end to end ({drawn_symbol(unit)})")
    axes.set_ylabel("Share per bin")
    axes.set_title(count_title(len(lengths)), fontsize=10, color=INK, loc="left")
    tidy(axes)
    axes.set_xlim(min(0.0, edges[0]) if edges[0] < edges[-1] / 3 else None)
    axes.margins(y=0.12)
    return figure


def hammer_plot(table: pd.DataFrame) -> "Figure":
    """Draw the directions in the Hammer (equal-area) projection of the sphere.

    Parameters
    ----------
    table
        From `measure_fibers`, of a volume; `rose_plot` suits an image.

    Returns
    -------
    Figure
        Length-weighted density relative to isotropic, theta from the z axis and phi
        from x towards y; smoothed by `bandwidth_for` so many fibers. Inside the
        dashed line there are surely more fibers than isotropic (a 95 % band that
        holds in all directions at once). Up to 1,000 fibers are drawn, as two points
        each (a fiber has no front).
    """
    figure = new_figure(7.2, 3.5)
    if not len(table):
        return no_fibers(figure)
    directions = directions_of(table)
    lengths, smoothing = table["length"].to_numpy(float), bandwidth_for(len(table))
    found = direction_density(directions, lengths, bandwidth_deg=smoothing)
    axes = draw_map(figure, found, "Density (isotropic = 1)")
    if len(directions) <= _MANY:
        points = project(np.concatenate([directions, -directions]))
        axes.scatter(*points, s=9, c="white", ec=INK, lw=0.4, alpha=0.9, zorder=3)
    axes.set_title(count_title(len(table)), fontsize=10, color=INK, loc="left")
    band = direction_band(directions, lengths)
    axes.set_title(_verdict(band), fontsize=9, color=INK, loc="right")
    if band.surely_more.any():
        draw_outline(axes, band.density, band.surely_more)
    return figure


def _verdict(band: DirectionBand) -> str:
    """What the band says of the directions, in a few words."""
    if np.isnan(band.low).any():
        return ""
    if band.isotropic:
        return "isotropic within the 95 % band"
    if not band.surely_more.any():
        return "not isotropic"
    peak = direction_text(peak_direction(band.density))
    return f"peak at {peak}; dashed: surely over 1"


def rose_plot(table: pd.DataFrame) -> "Figure":
    """Draw the directions of the fibers of an image as a rose.

    Parameters
    ----------
    table
        From `measure_fibers`, of an image.

    Returns
    -------
    Figure
        Length-weighted share of each 10 degrees with its 95 % interval, the same at
        phi and phi + 180. The y axis of images points down, and so does 90 degrees.
    """
    figure = new_figure(4.4, 4.0)
    if not len(table):
        return no_fibers(figure)
    axes: Any = figure.add_subplot(projection="polar")
    phi = np.radians(table["phi_deg"].to_numpy(np.float64)) % np.pi
    lengths = table["length"].to_numpy(np.float64)
    edges = np.linspace(0, 2 * np.pi, 37)
    both = np.concatenate([phi, phi + np.pi])
    share = np.histogram(both, edges, weights=np.tile(lengths, 2))[0] / lengths.sum()
    sides = _rose_interval(phi, lengths, edges[:19], share[:18])
    # Area, not radius, is what the eye compares.
    axes.bar(
        edges[:-1],
        np.sqrt(share),
        width=np.diff(edges),
        align="edge",
        color=NUMBER_COLOR,
        alpha=0.8,
        ec="white",
        lw=0.6,
    )
    if sides is not None:
        style: dict[str, Any] = {"fmt": "none", "ecolor": INK, "elinewidth": 0.7}
        middle = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(middle, np.sqrt(share), np.tile(sides, 2), alpha=0.7, **style)
    axes.set_theta_direction(-1)
    axes.set_yticklabels([])
    axes.set_axisbelow(True)
    axes.grid(color="#dddddd", lw=0.6)
    axes.spines["polar"].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_title(count_title(len(table)), fontsize=10, color=INK, loc="left")
    axes.set_xlabel("Azimuth from x (down: y)", fontsize=9, color=INK)
    return figure


def _rose_interval(
    phi: Array, lengths: Array, edges: Array, share: Array
) -> Array | None:
    """Distances ``(2, m)`` of the 95 % limits from the bars, as drawn (roots)."""
    place = np.clip(np.searchsorted(edges, phi, side="right") - 1, 0, len(share) - 1)
    member = np.eye(len(share))[place] * lengths[:, None]

    def shares(counts: NDArray[np.float32]) -> Array:
        sums = np.asarray(counts @ member, np.float64)
        return sums / sums.sum(axis=1, keepdims=True)

    drawn = draw_anew(len(phi), shares, seed=0)
    if not len(drawn):
        return None
    low, high = np.sqrt(band(drawn))
    return np.maximum([np.sqrt(share) - low, high - np.sqrt(share)], 0)


def _mark_means(axes: "Axes", lengths: Array, by_length: Array, unit: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mean, weighted = float(lengths.mean()), float(lengths @ by_length)
    for value, color in ((mean, NUMBER_COLOR), (weighted, LENGTH_COLOR)):
        axes.axvline(value, color=color, lw=1.0, ls="--")
    symbol = drawn_symbol(unit)
    number = f"share of the fibers (mean {mean:.3g} {symbol})"
    length = f"share of the total length (mean {weighted:.3g} {symbol})"
    handles = [
        Patch(color=NUMBER_COLOR, alpha=0.75, label=number),
        Line2D([], [], color=LENGTH_COLOR, lw=1.6, label=length),
    ]
    axes.legend(
        handles=handles,
        frameon=False,
        fontsize=8,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
    )
