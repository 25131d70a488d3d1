"""The map of directions that all Hammer plots are drawn on."""

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.fibers.orientation import DirectionDensity, hammer_of_angles
from napari_sciml.fibers.report.figures import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_map(
    figure: "Figure", found: DirectionDensity, label: str, least: float = 1.0
) -> "Axes":
    """Draw a density on the whole sphere, with its graticule and a color bar.

    The color of 1 is in the middle as long as nothing is over 2. The colors reach at
    least `least` to both sides of it, so that what is flat looks flat.
    """
    axes = figure.add_subplot()
    x, y = hammer_of_angles(*np.meshgrid(found.longitude, found.latitude))
    reach = max(least, float(np.abs(found.density - 1).max()))
    mesh = axes.pcolormesh(
        x,
        y,
        found.density,
        cmap="viridis",
        vmin=max(0.0, 1 - reach),
        vmax=1 + reach,
        rasterized=True,
        zorder=0,
    )
    _draw_graticule(axes)
    bar = figure.colorbar(mesh, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label(label, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    return axes


def draw_outline(axes: "Axes", found: DirectionDensity, inside: Any) -> None:
    """Draw the limit of cells ``(n, m)`` of a map."""
    middle = (found.longitude[1:] + found.longitude[:-1]) / 2
    height = (found.latitude[1:] + found.latitude[:-1]) / 2
    x, y = hammer_of_angles(*np.meshgrid(middle, height))
    axes.contour(
        x,
        y,
        np.asarray(inside, float),
        levels=[0.5],
        colors="white",
        linestyles="--",
        linewidths=1.3,
        zorder=2,
    )


def direction_text(axis: Any) -> str:
    """Write the angles of a direction (z, y, x)."""
    theta = np.degrees(np.arccos(min(abs(float(axis[0])), 1.0)))
    phi = np.degrees(np.arctan2(axis[1], axis[2]))
    if theta < 0.5:
        return rf"$\theta$ = {theta:.0f}°"
    return rf"$\theta$ = {theta:.0f}°, $\phi$ = {phi:.0f}°".replace("= -", "= $-$")


def _draw_graticule(axes: "Axes") -> None:
    around, up = np.linspace(-np.pi, np.pi, 181), np.linspace(-np.pi / 2, np.pi / 2, 91)
    style: dict[str, Any] = {"color": "white", "lw": 0.5, "alpha": 0.45}
    for latitude in np.radians([-60, -30, 0, 30, 60]):
        axes.plot(*hammer_of_angles(around, np.full(181, latitude)), **style)
    for longitude in np.radians(range(-150, 151, 30)):
        axes.plot(*hammer_of_angles(np.full(91, longitude), up), **style)
    for side in (-np.pi, np.pi):
        axes.plot(*hammer_of_angles(np.full(91, side), up), color=INK, lw=0.8)
    _label_graticule(axes)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-3.5, 3.2)
    axes.set_ylim(-1.68, 1.68)


def _label_graticule(axes: "Axes") -> None:
    from matplotlib.patheffects import withStroke

    text: dict[str, Any] = {"fontsize": 8, "color": INK, "ha": "center"}
    for latitude in (-60, -30, 0, 30, 60):
        x, y = hammer_of_angles(np.array(-np.pi), np.radians(np.array(latitude)))
        label = f"{90 - latitude}°" if latitude else r"$\theta$ = 90°"
        left, up = 1.03 * float(x) - 0.04, 1.05 * float(y)
        axes.text(left, up, label, va="center", **{**text, "ha": "right"})
    bold: dict[str, Any] = {**text, "fontweight": "bold"}
    axes.text(0, 1.46, "z", va="bottom", **bold)
    axes.text(0, -1.46, "$-$z", va="top", **bold)
    axes.text(2.9, 0, "$-$x", va="center", **{**bold, "ha": "left"})
    outline = [withStroke(linewidth=1.8, foreground=INK)]
    for longitude, label in ((-90, "$-$y"), (0, "x"), (90, "y")):
        x, _ = hammer_of_angles(np.radians(np.array(longitude)), np.array(0.0))
        label = rf"{label}  ($\phi$ = {longitude}°)".replace("-90", "$-$90")
        style = {**text, "color": "white", "path_effects": outline}
        axes.text(float(x), 0.04, label, va="bottom", zorder=4, **style)
