"""Draw an explanation: members, surroundings, channels and strokes."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.escape import for_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_sciml.explaining.session import Explanation, Voices

TREES, NETWORKS, BAR = "#228833", "#4477aa", "#4477aa"
SINGLE = "#99bbdd"
MOST_BARS = 5
LETTERS = 110
"""Of a line of the title."""


def draw_explanation(found: "Explanation", gray: np.ndarray) -> "Figure":
    """Draw an explanation.

    Parameters
    ----------
    found
        The explanation.
    gray
        Raw gray values of its window; of a volume the plane of the voxel is shown.
    """
    from napari_sciml.fibers.report.figures import new_figure, tidy

    figure = new_figure(10.0, 6.4)
    places: dict[str, Axes] = figure.subplot_mosaic(
        [["gray", "map"], ["members", "channels"]]
    )
    plane, center = _plane(found, gray), _center(found)
    limits = np.quantile(plane, (0.01, 0.99))
    for name in ("gray", "map"):
        axes = places[name]
        axes.imshow(plane, cmap="gray", vmin=limits[0], vmax=limits[1])
        axes.plot(center[1], center[0], "+", color="#ffcc00", ms=12, mew=1.5)
        axes.set_xticks([])
        axes.set_yticks([])
    voices = found.voices
    name = for_matplotlib(voices.class_names[voices.class_index])
    places["gray"].set_title("what is explained", size=10)
    _overlay(figure, places["map"], found, name)
    _members(places["members"], voices, name)
    _channels(places["channels"], found)
    for part in ("members", "channels"):
        tidy(places[part])
    title = textwrap.fill(_title(found), LETTERS)
    figure.suptitle(for_matplotlib(title), size=10)
    return figure


def _plane(found: "Explanation", values: np.ndarray) -> np.ndarray:
    """The plane of the voxel, of a window with or without channels."""
    window = found.occlusion.blocks.window
    if values.ndim > len(window):
        values = values.mean(-1)
    at = found.voices.center
    leading = [a - part.start for a, part in zip(at[:-2], window[:-2], strict=True)]
    return np.asarray(values)[tuple(leading)]


def _center(found: "Explanation") -> Sequence[int]:
    window = found.occlusion.blocks.window
    at = found.voices.center
    return [a - p.start for a, p in zip(at, window, strict=True)][-2:]


def _overlay(figure: "Figure", axes: "Axes", found: "Explanation", name: str) -> None:
    change = _plane(found, found.occlusion.image)
    most = found.occlusion.limit
    alpha = 0.75 * np.minimum(np.abs(change) / most, 1)
    shown = axes.imshow(change, cmap="RdBu_r", vmin=-most, vmax=most, alpha=alpha)
    shown_bar: Any = figure.colorbar(shown, ax=axes, shrink=0.8)
    shown_bar.solids.set(alpha=1)
    axes.set_title(f"red: speaks for {name}", size=10)


def _members(axes: "Axes", voices: "Voices", name: str) -> None:
    for row, (label, network, color) in enumerate(
        [("trees", False, TREES), ("networks", True, NETWORKS)]
    ):
        own = [
            share[voices.class_index]
            for one, share in zip(voices.members, voices.probabilities, strict=True)
            if (one.network is not None) == network
        ]
        axes.plot(own, np.full(len(own), row), "o", color=color, alpha=0.6)
        axes.text(-0.02, row, label, ha="right", va="center", size=9)
    axes.axvline(float(voices.mean[voices.class_index]), color="#333333", lw=1)
    axes.set(xlim=(0, 1.02), ylim=(1.6, -0.6), yticks=[])
    axes.set_xlabel(f"probability of {name} by each member; line: all together")


def _channels(axes: "Axes", found: "Explanation") -> None:
    kinds, singles = found.channels.kinds, found.channels.channels[:MOST_BARS]
    every = [*kinds, *singles]
    colors = [BAR] * len(kinds) + [SINGLE] * len(singles)
    rows = np.arange(len(every)) + 0.5 * (np.arange(len(every)) >= len(kinds))
    axes.barh(rows, [max(0.0, one.drop) for one in every], color=colors)
    axes.set_yticks(rows, [for_matplotlib(one.name) for one in every], size=8)
    axes.invert_yaxis()
    of = "of labels" if found.channels.labeled else "around"
    axes.set_xlabel(f"fall of the probability {of} without it")


def _title(found: "Explanation") -> str:
    voices = found.voices
    told = f"{voices.center}: {voices.sentence} {found.channels.sentence}"
    strokes = found.strokes
    if not strokes:
        return told
    return f"{told} Most similar stroke: {strokes[0].words(voices.class_names)}."
