"""Colors of the classes, the same in every layer and dock."""

from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_sciml.annotation.classes import DEFAULT_COLORS, MAX_CLASSES, ClassTable

UNCERTAIN = "#ff2e88"
"""Where trees and networks disagree; no class has this color."""


def class_color(label: int) -> str:
    """Color of a label value where no class table is at hand, 1 for the first."""
    return DEFAULT_COLORS[(label - 1) % MAX_CLASSES]


def label_colormap(classes: ClassTable | None = None) -> DirectLabelColormap:
    """Each class in its color, and what is not annotated transparent."""
    of = class_color if classes is None else classes.color_of
    colors: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    colors |= {label: of(label) for label in range(1, MAX_CLASSES + 1)}
    return DirectLabelColormap(color_dict=colors)


def probability_colormap(label: int, color: str | None = None) -> Colormap:
    """From nothing to the color of the class."""
    color = color or class_color(label)
    return Colormap(["#00000000", color], name=f"class {label} {color}")


def uncertainty_colormap() -> Colormap:
    """From nothing to a color that is no class."""
    return Colormap(["#00000000", UNCERTAIN], name="uncertainty")
