"""Which fibers to look at."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.fibers.report.figures import unit_symbol, volume_symbol
from napari_sciml.fibers.statistics.summary import directions_of

Range = tuple[float, float]
Axis = Literal["z", "y", "x"]

COLUMNS = {
    "length": "length",
    "diameter": "diameter",
    "volume": "volume",
    "confidence": "mean_confidence",
}
"""Columns of the table by the name of their filter."""


class FiberFilter(BaseModel):
    """Limits, both included, that a fiber must keep; None = no limit.

    What cannot be told of a fiber (NaN) keeps no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: Range | None = Field(None, description="End to end.")
    diameter: Range | None = Field(None, description="Twice the mean radius.")
    volume: Range | None = Field(None, description="Volume; in 2D area.")
    confidence: Range | None = Field(
        None, description="Mean probability of the voxels of the fiber."
    )
    angle: Range | None = Field(
        None, description="Angle between the fiber and an axis, 0 to 90 degrees."
    )
    axis: Axis = Field("z", description="Axis that the angle is measured from.")
    whole: bool = Field(
        False, description="Leave out fibers that touch the border of the image."
    )

    def keeps(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Tell for each row of a table of `measure_fibers` whether it passes."""
        keep = np.ones(len(table), bool)
        for name in (*COLUMNS, "angle"):
            limits: Range | None = getattr(self, name)
            if limits is not None:
                values = filtered_values(table, name, self.axis)
                keep &= (values >= limits[0]) & (values <= limits[1])
        if self.whole:
            keep &= ~table["touches_border"].to_numpy(bool)
        return keep

    def words(self, unit: str = "pixel", ndim: int = 3) -> str:
        """Say what is left, for a report; empty where all fibers pass."""
        units = filter_units(unit, ndim)
        parts = []
        for name in (*COLUMNS, "angle"):
            limits: Range | None = getattr(self, name)
            if limits is not None:
                what = f"angle to {self.axis}" if name == "angle" else name
                low, high = limits
                parts.append(f"{what} {low:.4g} to {high:.4g} {units[name]}".strip())
        if self.whole:
            parts.append("none at the border of the image")
        return "; ".join(parts)


def filtered_values(
    table: pd.DataFrame, name: str, axis: Axis = "z"
) -> NDArray[np.float64]:
    """Give what a filter looks at: a value a row, NaN where it cannot be told."""
    if name == "angle":
        along = np.abs(directions_of(table)[:, "zyx".index(axis)])
        return np.degrees(np.arccos(np.clip(along, 0.0, 1.0)))
    if COLUMNS[name] not in table:
        return np.full(len(table), np.nan)
    return table[COLUMNS[name]].to_numpy(np.float64)


def filter_units(unit: str, ndim: int = 3) -> dict[str, str]:
    """Unit of each filter, from that of length."""
    symbol = unit_symbol(unit)
    return {
        "length": symbol,
        "diameter": symbol,
        "volume": volume_symbol(unit, ndim),
        "confidence": "",
        "angle": "°",
    }
