"""The numbers of several images side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.statistics.bootstrap import Interval

Array = NDArray[np.float64]

POWERS = {
    **dict.fromkeys(("centroid_z", "centroid_y", "centroid_x"), 1),
    **dict.fromkeys(("length", "arc_length", "radius", "diameter", "radius_std"), 1),
    **dict.fromkeys(("spacing", "extent_z", "extent_y", "extent_x"), 1),
    "curvature": -1,
}
"""Of the unit of length, in columns of a table; a volume depends on the axes."""


@dataclass(frozen=True)
class Sample:
    """The fibers of one image.

    Attributes
    ----------
    name
        Of the image.
    unit
        Of all lengths here.
    ndim
        2 or 3.
    lengths
        ``(n,)`` end to end.
    directions
        ``(n, 3)`` unit vectors z, y, x.
    summary
        As a single run writes it, in the unit of the image.
    factor
        That its lengths are multiplied by to be in `unit`.
    """

    name: str
    unit: str
    ndim: int
    lengths: Array
    directions: Array
    summary: Mapping[str, Any]
    factor: float = 1.0

    def length(self, *, corrected: bool) -> Interval:
        """Mean length with its interval: as seen, or without the bias of the border."""
        found = self.summary["distributions"]
        which = found["length_corrected"] if corrected else found["length"]
        return _interval(which and which["mean"], self.factor)

    def tensor(self, axis: str) -> Interval:
        """Component ``axis axis`` of the orientation tensor, weighted by length."""
        found = self.summary["distributions"]["orientation"]["length_weighted"]
        place = "zyx".index(axis)
        numbers = [
            np.nan if found[name] is None else found[name][place][place]
            for name in ("a2", "a2_low", "a2_high")
        ]
        return Interval(*map(float, numbers))


def sample_of(
    name: str,
    table: pd.DataFrame,
    summary: Mapping[str, Any],
    unit: str,
    factor: float = 1.0,
) -> Sample:
    """Take what a single run has found.

    Parameters
    ----------
    name
        Of the image.
    table, summary
        As they are written, the table also as text.
    unit, factor
        Of lengths here, and what those of the image are multiplied by for it.
    """
    numbers = table[["length", "dz", "dy", "dx"]].apply(pd.to_numeric)
    values = numbers.to_numpy(np.float64).reshape(-1, 4)
    return Sample(
        name,
        unit,
        int(summary["dimensions"]),
        values[:, 0] * factor,
        values[:, 1:],
        summary,
        factor,
    )


def converted(table: pd.DataFrame, factor: float, ndim: int) -> pd.DataFrame:
    """Lengths, volumes and curvatures of a table of text in another unit."""
    changed = table.copy()
    for name, power in {**POWERS, "volume": ndim}.items():
        if name in changed:
            numbers = pd.to_numeric(changed[name], errors="coerce") * factor**power
            changed[name] = [f"{n:.6g}" if np.isfinite(n) else "" for n in numbers]
    return changed


def sample_rows(samples: Sequence[Sample]) -> pd.DataFrame:
    """A row an image: numbers of fibers, lengths and directions with intervals."""
    return pd.DataFrame([_row(sample) for sample in samples])


def _row(sample: Sample) -> dict[str, Any]:
    summary, scale = sample.summary, sample.factor
    found = summary["distributions"]
    fraction = "area_fraction" if sample.ndim == 2 else "volume_fraction"
    corrected = found["length_corrected"] or {}
    axis = found["orientation"]["length_weighted"].get("principal_direction")
    direction = summary["principal_direction"] or {}
    return {
        "image": sample.name,
        "unit": sample.unit,
        "fibers": summary["fibers"],
        "touching_border": summary["touching_border"],
        **_cells(fraction, _interval(found[fraction])),
        **_cells("length_mean", _interval(found["length"]["mean"], scale)),
        **_cells("length_median", _interval(found["length"]["median"], scale)),
        **_cells("length_corrected_mean", _interval(corrected.get("mean"), scale)),
        **_cells("length_corrected_median", _interval(corrected.get("median"), scale)),
        **_cells("diameter", _interval(found["diameter"], scale)),
        **_cells("tortuosity", _interval(found["tortuosity"])),
        **_cells("a_zz", sample.tensor("z")),
        **_cells("a_yy", sample.tensor("y")),
        **_cells("a_xx", sample.tensor("x")),
        "theta_deg": direction.get("theta_deg"),
        "phi_deg": direction.get("phi_deg"),
        "cone_deg": (axis or {}).get("cone_deg"),
        "voxel_size": " ".join(f"{edge * scale:.6g}" for edge in summary["voxel_size"]),
        "shape": " ".join(str(n) for n in summary["shape"]),
    }


def _cells(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _interval(found: Mapping[str, Any] | None, scale: float = 1.0) -> Interval:
    numbers = [(found or {}).get(key) for key in ("value", "low", "high")]
    return Interval(*(np.nan if n is None else scale * float(n) for n in numbers))
