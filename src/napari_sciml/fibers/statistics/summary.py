"""The whole sample in one record."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.voxels import make_grid
from napari_sciml.fibers.orientation import orientation_tensor, upper_hemisphere

Array = NDArray[np.float64]


def summarize(
    table: pd.DataFrame,
    mask_shape: Sequence[int],
    voxel_size: Sequence[float] | None = None,
    unit: str = "pixel",
) -> dict[str, Any]:
    """Sum up a table of fibers.

    Parameters
    ----------
    table
        From `measure_fibers`, with the same voxel size.
    mask_shape
        Voxels of the image along each axis, for the volume fraction.
    voxel_size
        Edge of a voxel along each axis, in `unit`; None = 1.
    unit
        Unit of length.

    Returns
    -------
    dict
        Only numbers, strings, lists and None, so that it can be written as JSON: what
        cannot be said without fibers is None. Tensors and directions are in the
        order z, y, x; the principal direction is the one that most of the length
        runs along.

    Raises
    ------
    InputError
        If the voxel size does not fit the shape.
    """
    grid = make_grid(mask_shape, voxel_size)
    total = grid.voxel_volume * float(np.prod(grid.shape))
    directions = directions_of(table)
    lengths = table["length"].to_numpy(np.float64)
    by_length = orientation_tensor(directions, lengths)
    return {
        "dimensions": 2 if grid.flat else 3,
        "unit": unit,
        "voxel_size": [float(v) for v in grid.spacing[int(grid.flat) :]],
        "shape": [int(n) for n in mask_shape],
        "fibers": len(table),
        "touching_border": int(table["touches_border"].sum()),
        "area_fraction" if grid.flat else "volume_fraction": (
            float(table["volume"].sum()) / total if total else None
        ),
        "length": _lengths(lengths),
        "radius": _spread(table["radius"].to_numpy(np.float64)),
        "orientation_tensor": {
            "axes": ["z", "y", "x"],
            "number_weighted": _plain(orientation_tensor(directions)),
            "length_weighted": _plain(by_length),
        },
        "principal_direction": _principal_direction(by_length),
    }


def directions_of(table: pd.DataFrame) -> Array:
    """Unit vectors ``(n, 3)`` (z, y, x) of a table."""
    return table[["dz", "dy", "dx"]].to_numpy(np.float64)


def _lengths(lengths: Array) -> dict[str, float | None]:
    total = float(lengths.sum())
    weighted = float((lengths**2).sum() / total) if total else None
    return {
        **_spread(lengths),
        "min": float(lengths.min()) if len(lengths) else None,
        "max": float(lengths.max()) if len(lengths) else None,
        "length_weighted_mean": weighted,
        "total": total,
    }


def _spread(values: Array) -> dict[str, float | None]:
    names = ("mean", "std", "median", "quartile_1", "quartile_3")
    if not len(values):
        return dict.fromkeys(names)
    quartiles = np.quantile(values, [0.5, 0.25, 0.75])
    std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    numbers = (float(values.mean()), std, *map(float, quartiles))
    return dict(zip(names, numbers, strict=True))


def _plain(tensor: Array) -> list[list[float]] | None:
    return None if np.isnan(tensor).any() else tensor.tolist()


def _principal_direction(tensor: Array) -> dict[str, Any] | None:
    if np.isnan(tensor).any():
        return None
    values, vectors = np.linalg.eigh(tensor)
    axis = upper_hemisphere(vectors[:, 2:].T)[0]
    return {
        "zyx": axis.tolist(),
        "theta_deg": float(np.degrees(np.arccos(np.clip(axis[0], 0.0, 1.0)))),
        "phi_deg": float(np.degrees(np.arctan2(axis[1], axis[2]))),
        "share": float(values[2]),
    }
