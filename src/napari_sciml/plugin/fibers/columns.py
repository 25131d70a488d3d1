"""What the table of fibers shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_sciml.fibers.report.figures import unit_symbol, volume_symbol

VOLUME = 3
EMPTY = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name, help
        For people.
    power
        Of the unit of length; 0 = none.
    unit
        Where it is no power of length.
    """

    name: str
    help: str
    power: int = 0
    unit: str = ""

    def header(self, unit: str, ndim: int) -> str:
        """Name over unit."""
        symbol = self.unit
        if self.power == VOLUME:
            symbol = volume_symbol(unit, ndim)
        elif self.power:
            symbol = f"{unit_symbol(unit)}{_RAISED[self.power]}"
        return f"{self.name}\n{symbol}" if symbol else f"{self.name}\n"


_RAISED = {
    1: "",
    -1: "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}",
}

COLUMNS: Mapping[str, Column] = {
    "label": Column("No.", "Number in the layer Fibers."),
    "length": Column("Length", "From end to end.", 1),
    "diameter": Column("Diameter", "Mean along the fiber.", 1),
    "theta_deg": Column("θ", "Angle from the z axis.", unit="°"),
    "phi_deg": Column("φ", "Azimuth from x towards y.", unit="°"),
    "mean_confidence": Column("Conf.", "Mean probability of its voxels."),
    "lowest_confidence": Column("Lowest", "Lowest probability of a cross-section."),
    "touches_border": Column("Border", "Whether it touches the border of the image."),
    "cut_ends": Column("Cut ends", "Ends that the border of the image cuts."),
    "contacts": Column("Contacts", "Other fibers that it touches."),
    "spacing": Column("Spacing", "Mean distance to the nearest center line.", 1),
    "arc_length": Column("Arc", "Length along the center line.", 1),
    "tortuosity": Column("Tort.", "Length along the line over end to end."),
    "curvature": Column("Curv.", "Mean curvature of the center line.", -1),
    "aspect_ratio": Column("Aspect", "Length along the line over diameter."),
    "radius_std": Column("Radius ±", "Spread of the radius along the fiber.", 1),
    "volume": Column("Volume", "Of its voxels; in 2D their area.", VOLUME),
    "voxels": Column("Voxels", "How many voxels it has."),
    "centroid_z": Column("z", "Mean place along z.", 1),
    "centroid_y": Column("y", "Mean place along y.", 1),
    "centroid_x": Column("x", "Mean place along x.", 1),
}
"""Columns of `measure_fibers` in the order in which they are shown."""


def cell_text(value: Any) -> str:
    """Write a cell; what cannot be told is a dash."""
    kind = getattr(value, "dtype", None)
    if isinstance(value, bool) or (kind is not None and kind.kind == "b"):
        return "yes" if value else ""
    if value != value:
        return EMPTY
    if isinstance(value, float):
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}"
        return text.rstrip(".")
    return f"{value:,}"
