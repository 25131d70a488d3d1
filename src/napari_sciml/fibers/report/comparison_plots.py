"""Pictures that compare the fibers of several images."""

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.escape import for_matplotlib
from napari_sciml.fibers.orientation import direction_density, hammer_of_angles
from napari_sciml.fibers.report.figures import (
    INK,
    LENGTH_COLOR,
    NUMBER_COLOR,
    drawn_symbol,
    new_figure,
    tidy,
)
from napari_sciml.fibers.statistics.bootstrap import Interval
from napari_sciml.fibers.statistics.direction_band import bandwidth_for
from napari_sciml.fibers.statistics.length_distribution import length_bins
from napari_sciml.fibers.statistics.samples import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

AXIS_COLORS = {"z": "#4477aa", "y": "#228833", "x": "#cc6677"}
_GRAY = "#bbbbbb"
_ACROSS = 4
_WIDTH = 9.0
_ROW = 0.26
_LONGEST_NAME = 24


def intervals_plot(samples: Sequence[Sample], *, corrected: bool) -> "Figure":
    """Draw mean lengths and directions of images as dots with 95 % intervals.

    Parameters
    ----------
    samples
        Of one unit, from top to bottom.
    corrected
        Whether lengths are without the bias of the border; those that are seen are
        drawn beside them then.
    """
    figure = new_figure(_WIDTH, 1.3 + _ROW * len(samples))
    lengths, directions = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(samples), dtype=float)
    seen = [sample.length(corrected=False) for sample in samples]
    if corrected:
        style: dict[str, Any] = {"mfc": "white", "ms": 4, "label": "as seen, cut too"}
        _dots(lengths, places + 0.2, seen, _GRAY, **style)
        found = [sample.length(corrected=True) for sample in samples]
        _dots(lengths, places, found, NUMBER_COLOR, label="border corrected")
        _legend(lengths)
    else:
        _dots(lengths, places, seen, NUMBER_COLOR)
    lengths.set_xlabel(f"Mean length, end to end ({drawn_symbol(samples[0].unit)})")
    axes = "zyx"[3 - samples[0].ndim :]
    for i, axis in enumerate(axes):
        beside = places + 0.18 * (i - (len(axes) - 1) / 2)
        tensor = [sample.tensor(axis) for sample in samples]
        _dots(directions, beside, tensor, AXIS_COLORS[axis], label=f"along {axis}")
    directions.axvline(1 / len(axes), color=_GRAY, lw=1.0, ls="--", zorder=0)
    directions.set_xlim(-0.02, 1.02)
    directions.set_xlabel("Share of direction, by length (dashed: isotropic)")
    _legend(directions)
    lengths.set_yticks(places, _names(samples))
    lengths.set_ylim(len(samples) - 0.4, -0.6)
    for one in (lengths, directions):
        one.grid(axis="y", color="#eeeeee")
        one.set_axisbelow(True)
        tidy(one)
    lengths.tick_params(axis="y", length=0)
    directions.tick_params(axis="y", length=0)
    return figure


def lengths_grid(samples: Sequence[Sample]) -> "Figure":
    """Draw the lengths of each image over those of all, on the same axes.

    Parameters
    ----------
    samples
        Of one unit, with a fiber at least each.
    """
    figure, panels = _grid(len(samples), 1.55)
    every = np.concatenate([sample.lengths for sample in samples])
    edges = length_bins(every)
    low, high = edges[0], edges[-1]
    of_all = np.histogram(every, edges)[0] / len(every)
    shares = [np.histogram(s.lengths, edges)[0] / len(s.lengths) for s in samples]
    top = 1.1 * max(float(np.max(share)) for share in (of_all, *shares))
    names = _names(samples)
    for i, (axes, sample) in enumerate(zip(panels, samples, strict=True)):
        axes.stairs(of_all, edges, color=_GRAY, fill=True, alpha=0.6)
        axes.stairs(shares[i], edges, color=NUMBER_COLOR, lw=1.3)
        mean = sample.length(corrected=False)
        axes.axvline(mean.value, color=LENGTH_COLOR, lw=1.1)
        if np.isfinite(mean.low):
            axes.axvspan(mean.low, mean.high, color=LENGTH_COLOR, alpha=0.2, lw=0)
        axes.set_title(
            f"{names[i]}  ({len(sample.lengths):,})",
            fontsize=8,
            color=INK,
            loc="left",
        )
        axes.set_xlim(min(0.0, low) if low < high / 3 else low, high)
        axes.set_ylim(0, top)
        axes.set_yticks([])
        tidy(axes)
        axes.tick_params(labelsize=7)
    symbol = drawn_symbol(samples[0].unit)
    words = f"Fiber length ({symbol}); gray: all images; red: mean, as seen, in 95 %"
    figure.supxlabel(words, fontsize=9, color=INK)
    return figure


def directions_grid(samples: Sequence[Sample]) -> "Figure":
    """Draw the directions of each image, all in the same colors or radii.

    Parameters
    ----------
    samples
        Of one number of axes, with a fiber at least each. Volumes are drawn in the
        Hammer projection of the sphere, weighted by length; images as roses.
    """
    if samples[0].ndim == 2:
        return _roses(samples)
    figure, panels = _grid(len(samples), 1.35)
    found = [
        direction_density(s.directions, s.lengths, bandwidth_deg=bandwidth_for(n))
        for s in samples
        if (n := len(s.lengths))
    ]
    # One image with a single fiber would make all others look flat.
    reach = float(np.median([one.density.max() for one in found]))
    scale = {"vmin": 0.0, "vmax": max(2.0, 1.5 * reach)}
    for axes, name, one in zip(panels, _names(samples), found, strict=True):
        x, y = hammer_of_angles(*np.meshgrid(one.longitude, one.latitude))
        mesh = axes.pcolormesh(
            x, y, one.density, cmap="viridis", rasterized=True, **scale
        )
        around = np.linspace(-np.pi / 2, np.pi / 2, 91)
        for side in (-np.pi, np.pi):
            axes.plot(*hammer_of_angles(np.full(91, side), around), color=INK, lw=0.7)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.set_title(name, fontsize=8, color=INK)
    bar = figure.colorbar(mesh, ax=list(panels), shrink=0.6, pad=0.02, extend="max")
    bar.set_label("Density (isotropic = 1)", color=INK, fontsize=8)
    bar.ax.tick_params(labelsize=7, colors=INK)
    words = "z up, x in the middle, y to the right; weighted by length"
    figure.supxlabel(words, fontsize=9, color=INK)
    return figure


def _roses(samples: Sequence[Sample]) -> "Figure":
    figure, panels = _grid(len(samples), 1.9, projection="polar")
    edges = np.linspace(0, 2 * np.pi, 37)
    for axes, name, sample in zip(panels, _names(samples), samples, strict=True):
        phi = np.arctan2(sample.directions[:, 1], sample.directions[:, 2])
        both = np.concatenate([phi, phi + np.pi]) % (2 * np.pi)
        share = np.histogram(both, edges, weights=np.tile(sample.lengths, 2))[0]
        # Area, not radius, is what the eye compares.
        radius = np.sqrt(share / max(share.max(), 1e-12))
        width = np.diff(edges)
        axes.bar(edges[:-1], radius, width=width, align="edge", color=NUMBER_COLOR)
        axes.set_theta_direction(-1)  # the y axis of images points down
        axes.set_xticks(np.radians([0, 90, 180, 270]), ["x", "y", "", ""], fontsize=7)
        axes.set_yticks([])
        axes.set_title(name, fontsize=8, color=INK)
    return figure


def _grid(
    count: int, height: float, projection: str | None = None
) -> tuple["Figure", list[Any]]:
    """Panels of one size, as many as there are images, in rows."""
    rows = -(-count // _ACROSS)
    figure = new_figure(_WIDTH, 0.5 + height * rows)
    panels = [
        figure.add_subplot(rows, _ACROSS, i + 1, projection=projection)
        for i in range(count)
    ]
    return figure, panels


def _dots(
    axes: "Axes", places: Array, found: Sequence[Interval], color: str, **style: Any
) -> None:
    """Dots without whiskers where there is no interval; nothing where no number."""
    values = np.array([one.value for one in found])
    sides = np.array([[o.value - o.low, o.high - o.value] for o in found]).T
    axes.errorbar(
        values,
        places,
        xerr=np.maximum(np.nan_to_num(sides), 0),
        fmt="o",
        color=color,
        **{"ms": 4.5, "elinewidth": 1.2, **style},
    )


def _legend(axes: "Axes") -> None:
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
    axes.legend(frameon=False, fontsize=8, ncols=3, borderaxespad=0.2, **place)


def short_names(names: Sequence[str]) -> list[str]:
    """Names that fit beside a plot: where they are long, what all share is left out."""
    if max(map(len, names)) <= _LONGEST_NAME:
        return [for_matplotlib(name) for name in names]
    first = _shared(names)
    rest = [name[first:] for name in names]
    last = _shared([name[::-1] for name in rest])
    begin, end = "…" if first else "", "…" if last else ""
    middle = [f"{begin}{name[: len(name) - last]}{end}" for name in rest]
    fitting = [
        name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
        for name in middle
    ]
    return [for_matplotlib(name) for name in fitting]


def _shared(names: Sequence[str]) -> int:
    """Signs at the beginning that all of several names have."""
    if len(names) < 2:
        return 0
    columns = zip(*names, strict=False)
    same = (len(set(column)) == 1 for column in columns)
    return sum(1 for _ in takewhile(bool, same))


def _names(samples: Sequence[Sample]) -> list[str]:
    return short_names([sample.name for sample in samples])
