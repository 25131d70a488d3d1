"""From whatever axes and units a file has to ``(y, x)`` or ``(z, y, x)``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import AxesView
from napari_sciml.images.volume import SPATIAL_AXES, Volume

METERS = {
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "meter": 1.0,
}
"""Length of the units that we know, by the names that OME-Zarr and pint use."""

_SPELLINGS = {
    "å": "angstrom",
    "nm": "nanometer",
    "um": "micrometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "in": "inch",
    "pixels": "pixel",
    "px": "pixel",
}

_TOO_MUCH = {
    "c": ("channels", "convert it to gray first"),
    "s": ("channels", "convert it to gray first"),
    "t": ("time points", "save one of them as an image of its own first"),
}


@dataclass(frozen=True)
class RawImage:
    """What a file holds, before it is known to be a gray image.

    Attributes
    ----------
    data
        Array-like.
    axes
        Lower-case name of each axis.
    spacing
        Voxel size of the axes for which the file tells it.
    units
        Unit of the axes for which the file tells it.
    """

    data: Any
    axes: tuple[str, ...]
    spacing: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


def to_volume(raw: RawImage, path: Path) -> Volume:
    """Drop axes of length 1 and make sure that a gray image is left.

    Raises
    ------
    InputError
        On channels, time, an unusual order of axes or values that are no numbers.
    """
    _check_values(raw, path)
    kept = [
        i
        for i, (axis, length) in enumerate(zip(raw.axes, raw.data.shape, strict=True))
        if length > 1 or axis in "yx"
    ]
    axes = tuple(raw.axes[i] for i in kept)
    _check_axes(axes, raw, path)
    voxel_size, unit = _voxel_size(axes, raw.spacing, raw.units)
    return Volume(_select(raw.data, kept), axes, voxel_size, unit)


def guess_axes(shape: Sequence[int]) -> tuple[str, ...]:
    """Name the axes of an array without names; a last axis of 3 or 4 is color."""
    colored = len(shape) > 2 and shape[-1] in (1, 3, 4) and min(shape[-3:-1]) > 4
    if colored:
        return (*guess_axes(shape[:-1]), "c")
    extra = [f"axis {i}" for i in range(len(shape) - 3)]
    return (*extra, *"zyx"[-min(len(shape), 3) :])


def unit_name(spelling: str) -> str:
    """One name for the many spellings of a unit: "µm" is "micrometer"."""
    plain = spelling.strip().replace("\\u00B5", "µ").lower().replace("metre", "meter")
    return _SPELLINGS.get(plain, plain) or "pixel"


def _check_values(raw: RawImage, path: Path) -> None:
    dtype = np.dtype(raw.data.dtype)
    if dtype.kind not in "buif":
        raise InputError(f"{path} holds {dtype} values; convert them to real numbers.")
    if 0 in raw.data.shape:
        raise InputError(f"{path} is empty: its shape is {tuple(raw.data.shape)}.")


def _check_axes(axes: tuple[str, ...], raw: RawImage, path: Path) -> None:
    if axes in SPATIAL_AXES.values():
        return
    shape = tuple(int(n) for n in raw.data.shape)
    lengths = dict(zip(raw.axes, shape, strict=True))
    held = f"(axes {', '.join(raw.axes)}; shape {shape})"
    for axis in axes:
        if axis in _TOO_MUCH:
            what, remedy = _TOO_MUCH[axis]
            raise InputError(f"{path} has {lengths[axis]} {what} {held}; {remedy}.")
    raise InputError(
        f"{path} is not a gray image {held}; save it with the axes (y, x) or (z, y, x)."
    )


def _select(data: Any, kept: list[int]) -> Any:
    if not np.dtype(data.dtype).isnative:
        return AxesView(data, kept)
    if len(kept) == len(data.shape):
        return data
    if isinstance(data, np.ndarray):
        return data.reshape([data.shape[axis] for axis in kept])
    return AxesView(data, kept)


def _voxel_size(
    axes: tuple[str, ...], spacing: Mapping[str, float], units: Mapping[str, str]
) -> tuple[tuple[float, ...], str]:
    # Without a size along z, as in a folder of slices, voxels are taken for cubes.
    sizes = [abs(float(spacing.get(axis, spacing.get("y", 1.0)))) for axis in axes]
    names = [unit_name(units.get(axis, units.get("y", "pixel"))) for axis in axes]
    if not all(math.isfinite(size) and size > 0 for size in sizes):
        return (1.0,) * len(axes), "pixel"
    unit = names[-1]
    if set(names) == {unit}:
        return tuple(sizes), unit
    if not set(names) <= METERS.keys():
        return (1.0,) * len(axes), "pixel"
    in_unit = [s * METERS[n] / METERS[unit] for s, n in zip(sizes, names, strict=True)]
    return tuple(in_unit), unit
