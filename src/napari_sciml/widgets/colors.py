"""Colors of the classes, the same in every layer and dock."""

from napari.utils.colormaps import Colormap, DirectLabelColormap

_COLORS = (
    "#3d8bfd",
    "#ff9f1c",
    "#2ec27e",
    "#8bd17c",
    "#a178df",
    "#f6d32d",
    "#33c7de",
    "#e01b24",
    "#b5835a",
)

UNCERTAIN = "#ff2e88"
"""Where the networks disagree; no class has this color."""

MAX_CLASSES = len(_COLORS)
"""As many as there are number keys."""


def class_color(label: int) -> str:
    """Color of a label value, 1 for the first class."""
    return _COLORS[(label - 1) % MAX_CLASSES]


def label_colormap() -> DirectLabelColormap:
    """Each class in its color, and what is not annotated transparent."""
    colors: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    for label in range(1, MAX_CLASSES + 1):
        colors[label] = class_color(label)
    return DirectLabelColormap(color_dict=colors)


def probability_colormap(label: int) -> Colormap:
    """From nothing to the color of the class."""
    color = class_color(label)
    return Colormap(["#00000000", color], name=f"class {label} {color}")


def uncertainty_colormap() -> Colormap:
    """From nothing to a color that is no class."""
    return Colormap(["#00000000", UNCERTAIN], name="uncertainty")
