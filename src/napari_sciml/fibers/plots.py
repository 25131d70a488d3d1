"""Pictures of the distribution of lengths and directions, for paper and report.

Each function gives back a matplotlib Figure that the caller saves or shows. Without
fibers the figure says so.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.orientation import direction_density, hammer_of_angles
from napari_sciml.fibers.orientation import hammer as project
from napari_sciml.fibers.summary import directions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

NUMBER_COLOR = "#4477aa"
LENGTH_COLOR = "#cc6677"
_INK = "#333333"
_DPI = 150
_MARGIN = 0.1  # inches
_MOST_BINS = 40
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
    figure = _figure(5.6, 3.6)
    lengths = table["length"].to_numpy(np.float64)
    if not len(lengths):
        return _no_fibers(figure)
    axes = figure.add_subplot()
    edges = _bins(lengths)
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
    axes.set_xlabel(f"Fiber length, end to end ({unit_symbol(unit)})")
    axes.set_ylabel("Share per bin")
    axes.set_title(_count(len(lengths)), fontsize=10, color=_INK, loc="left")
    _tidy(axes)
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
        from x towards y. Up to 1,000 fibers are drawn, as two points each (a fiber
        has no front).
    """
    figure = _figure(7.2, 3.5)
    if not len(table):
        return _no_fibers(figure)
    axes = figure.add_subplot()
    directions = directions_of(table)
    found = direction_density(directions, table["length"].to_numpy(np.float64))
    x, y = hammer_of_angles(*np.meshgrid(found.longitude, found.latitude))
    mesh = axes.pcolormesh(
        x, y, found.density, cmap="viridis", vmin=0, rasterized=True, zorder=0
    )
    _draw_graticule(axes)
    if len(directions) <= _MANY:
        points = project(np.concatenate([directions, -directions]))
        axes.scatter(*points, s=9, c="white", ec=_INK, lw=0.4, alpha=0.9, zorder=3)
    bar = figure.colorbar(mesh, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label("Density (isotropic = 1)", color=_INK)
    bar.outline.set_visible(False)
    axes.set_title(_count(len(table)), fontsize=10, color=_INK, loc="left")
    return figure


def rose_plot(table: pd.DataFrame) -> "Figure":
    """Draw the directions of the fibers of an image as a rose.

    Parameters
    ----------
    table
        From `measure_fibers`, of an image.

    Returns
    -------
    Figure
        Length-weighted share of each 10 degrees, the same at phi and phi + 180. The
        y axis of images points down, and so does 90 degrees.
    """
    figure = _figure(4.4, 4.0)
    if not len(table):
        return _no_fibers(figure)
    axes: Any = figure.add_subplot(projection="polar")
    phi = np.radians(table["phi_deg"].to_numpy(np.float64)) % np.pi
    lengths = table["length"].to_numpy(np.float64)
    edges = np.linspace(0, 2 * np.pi, 37)
    both = np.concatenate([phi, phi + np.pi])
    share = np.histogram(both, edges, weights=np.tile(lengths, 2))[0] / lengths.sum()
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
    axes.set_theta_direction(-1)
    axes.set_yticklabels([])
    axes.set_axisbelow(True)
    axes.grid(color="#dddddd", lw=0.6)
    axes.spines["polar"].set_visible(False)
    axes.tick_params(labelsize=8, colors=_INK)
    axes.set_title(_count(len(table)), fontsize=10, color=_INK, loc="left")
    axes.set_xlabel("Azimuth from x (down: y)", fontsize=9, color=_INK)
    return figure


def unit_symbol(unit: str) -> str:
    """How a unit is printed."""
    names = {"um": "µm", "micrometer": "µm", "micron": "µm", "pixel": "voxels"}
    short = {"nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m"}
    return {**names, **short}.get(unit, unit)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=_MARGIN, h_pad=_MARGIN)
    return figure


def _no_fibers(figure: "Figure") -> "Figure":
    figure.text(0.5, 0.5, "No fibers", ha="center", va="center", size=16, color="#888")
    return figure


def _count(n: int) -> str:
    return "1 fiber" if n == 1 else f"{n:,} fibers"


def _bins(lengths: Array) -> Array:
    low, high = float(lengths.min()), float(lengths.max())
    if high - low < 1e-6 * high:
        return np.linspace(0.5 * low, 1.5 * high, 6)
    edges = np.histogram_bin_edges(lengths, "auto")
    most = min(_MOST_BINS, max(5, len(lengths) // 2))
    count = min(max(len(edges) - 1, 5), most)
    return np.linspace(low, high, count + 1)


def _mark_means(axes: "Axes", lengths: Array, by_length: Array, unit: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mean, weighted = float(lengths.mean()), float(lengths @ by_length)
    for value, color in ((mean, NUMBER_COLOR), (weighted, LENGTH_COLOR)):
        axes.axvline(value, color=color, lw=1.0, ls="--")
    symbol = unit_symbol(unit)
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


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=_INK, labelsize=9)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)


def _draw_graticule(axes: "Axes") -> None:
    around, up = np.linspace(-np.pi, np.pi, 181), np.linspace(-np.pi / 2, np.pi / 2, 91)
    style: dict[str, Any] = {"color": "white", "lw": 0.5, "alpha": 0.45}
    for latitude in np.radians([-60, -30, 0, 30, 60]):
        axes.plot(*hammer_of_angles(around, np.full(181, latitude)), **style)
    for longitude in np.radians(range(-150, 151, 30)):
        axes.plot(*hammer_of_angles(np.full(91, longitude), up), **style)
    for side in (-np.pi, np.pi):
        axes.plot(*hammer_of_angles(np.full(91, side), up), color=_INK, lw=0.8)
    _label_graticule(axes)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-3.5, 3.2)
    axes.set_ylim(-1.68, 1.68)


def _label_graticule(axes: "Axes") -> None:
    from matplotlib.patheffects import withStroke

    text: dict[str, Any] = {"fontsize": 8, "color": _INK, "ha": "center"}
    for latitude in (-60, -30, 0, 30, 60):
        x, y = hammer_of_angles(np.array(-np.pi), np.radians(np.array(latitude)))
        label = f"{90 - latitude}°" if latitude else r"$\theta$ = 90°"
        left, up = 1.03 * float(x) - 0.04, 1.05 * float(y)
        axes.text(left, up, label, va="center", **{**text, "ha": "right"})
    bold: dict[str, Any] = {**text, "fontweight": "bold"}
    axes.text(0, 1.46, "z", va="bottom", **bold)
    axes.text(0, -1.46, "$-$z", va="top", **bold)
    axes.text(2.9, 0, "$-$x", va="center", **{**bold, "ha": "left"})
    outline = [withStroke(linewidth=1.8, foreground=_INK)]
    for longitude, label in ((-90, "$-$y"), (0, "x"), (90, "y")):
        x, _ = hammer_of_angles(np.radians(np.array(longitude)), np.array(0.0))
        label = rf"{label}  ($\phi$ = {longitude}°)".replace("-90", "$-$90")
        style = {**text, "color": "white", "path_effects": outline}
        axes.text(float(x), 0.04, label, va="bottom", zorder=4, **style)
