"""What all pictures of fibers share."""

from typing import TYPE_CHECKING, Any

from napari_sciml.escape import for_matplotlib
from napari_sciml.images import units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBER_COLOR = "#4477aa"
LENGTH_COLOR = "#cc6677"
INK = "#333333"
_DPI = 150
_MARGIN = 0.1  # inches


def unit_symbol(unit: str) -> str:
    """How a unit is printed; what has none is counted in voxels."""
    return "voxels" if unit == units.NO_UNIT else units.unit_symbol(unit)


def drawn_symbol(unit: str) -> str:
    """How a unit is printed in a picture: none of its signs begins a formula."""
    return for_matplotlib(unit_symbol(unit))


def volume_symbol(unit: str, ndim: int = 3) -> str:
    """How the unit of a volume is printed, in 2D that of an area."""
    symbol = unit_symbol(unit)
    if unit == "pixel":
        return symbol
    power = {2: "\N{SUPERSCRIPT TWO}", 3: "\N{SUPERSCRIPT THREE}"}[ndim]
    return f"{symbol}{power}"


def new_figure(width: float, height: float) -> "Figure":
    """Make a figure, in inches, that keeps its margins blank."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=_MARGIN, h_pad=_MARGIN)
    return figure


def no_fibers(figure: "Figure", words: str | None = None) -> "Figure":
    """Say so, instead of a plot."""
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "size": 16,
        "color": "#888",
    }
    figure.text(0.5, 0.5, words or "No fibers", **style)
    return figure


def count_title(n: int) -> str:
    """How many fibers, in words."""
    return "1 fiber" if n == 1 else f"{n:,} fibers"


def tidy(axes: "Axes") -> None:
    """Take away what is not needed of the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
