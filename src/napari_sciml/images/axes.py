"""From whatever axes and units a file has to ``(y, x)`` or ``(z, y, x)``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.bounds import is_edge
from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.lazy import AxesView
from napari_sciml.images.units import METERS, NO_UNIT, conversion, unit_name
from napari_sciml.images.volume import SPATIAL_AXES, Volume, unique

CHANNEL_AXES = ("c", "s")
"""Channels of a microscope, and samples of a color image."""
COLORS = 3
MOST_AXES = 16
"""Of an array, those of length 1 counted."""
MOST_VALUES = 2**60
"""Of an image; numbers of voxels stay well within 64 bits."""


@dataclass(frozen=True)
class RawImage:
    """What a file holds, before it is known to be an image that we can use.

    Attributes
    ----------
    data
        Array-like.
    axes
        Lower-case name of each axis; "c" for channels, "s" for the samples of a color
        image, of which the second or the fourth is alpha.
    spacing
        Voxel size of the axes for which the file tells it.
    units
        Unit of the axes for which the file tells it.
    cautions
        Sentences on what a person should know before he trusts the data.
    """

    data: Any
    axes: tuple[str, ...]
    spacing: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """What a file tells of its voxel size; a size that is no number is NaN.

    Attributes
    ----------
    spacing, units, cautions
        As in `RawImage`.
    """

    spacing: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def to_volume(raw: RawImage, path: Path) -> Volume:
    """Drop axes of length 1 and make sure that an image or a volume is left.

    Returns
    -------
    Volume
        Its data are a `ChannelImage` where there is an axis of channels.

    Raises
    ------
    InputError
        On time, two axes of channels, an unusual order of axes or values that are no
        numbers.
    """
    check_values(raw, path)
    kept = long_axes(raw)
    axes = tuple(raw.axes[i] for i in kept)
    space = tuple(axis for axis in axes if axis not in CHANNEL_AXES)
    _check_axes(axes, space, raw, path)
    voxel_size, unit, cautions = told_size(space, raw, path)
    data = select(raw.data, kept)
    if axes != space:
        data = _with_channels(data, axes)
    return Volume(data, space, voxel_size, unit, unique(raw.cautions, cautions))


def guess_axes(shape: Sequence[int]) -> tuple[str, ...]:
    """Name the axes of an array without names; a last axis of 3 or 4 is color."""
    colored = len(shape) > 2 and shape[-1] in (1, 3, 4) and min(shape[-3:-1]) > 4
    if colored:
        return (*guess_axes(shape[:-1]), "c")
    extra = [f"axis {i}" for i in range(len(shape) - 3)]
    return (*extra, *"zyx"[max(0, 3 - len(shape)) :])


def long_axes(raw: RawImage) -> list[int]:
    """Places of the axes that are longer than 1, or are those of a picture."""
    pairs = zip(raw.axes, raw.data.shape, strict=True)
    return [i for i, (axis, n) in enumerate(pairs) if n > 1 or axis in "yx"]


def check_values(raw: RawImage, path: Path) -> None:
    """Refuse what holds no real numbers, or none at all, by an InputError."""
    dtype = np.dtype(raw.data.dtype)
    if dtype.kind not in "buif":
        raise InputError(f"{path} holds {dtype} values; convert them to real numbers.")
    if len(raw.data.shape) > MOST_AXES:
        raise InputError(
            f"{path} claims to have {len(raw.data.shape)} axes, which no image has; it "
            "is damaged, copy or write it again."
        )
    if 0 in raw.data.shape:
        raise InputError(f"{path} is empty: its shape is {tuple(raw.data.shape)}.")
    if math.prod(int(n) for n in raw.data.shape) > MOST_VALUES:
        raise InputError(
            f"{path} claims a shape of {tuple(raw.data.shape)}, which no file can "
            "hold; it is damaged, copy or write it again."
        )


def _check_axes(
    axes: tuple[str, ...], space: tuple[str, ...], raw: RawImage, path: Path
) -> None:
    if space in SPATIAL_AXES.values() and len(axes) - len(space) <= 1:
        return
    shape = tuple(int(n) for n in raw.data.shape)
    held = f"(axes {', '.join(raw.axes)}; shape {shape})"
    if "t" in space:
        raise InputError(
            f"{path} has {shape[raw.axes.index('t')]} time points {held}; save one of "
            "them as an image of its own first."
        )
    if len(axes) - len(space) > 1:
        raise InputError(
            f"{path} has color samples and channels {held}; save it with one axis of "
            "channels."
        )
    raise InputError(
        f"{path} is not an image or a volume {held}; save it with the axes (y, x) or "
        "(z, y, x), and c for channels."
    )


def _with_channels(data: Any, axes: tuple[str, ...]) -> Any:
    """The data without alpha, gray where only that was there besides."""
    axis = next(i for i, name in enumerate(axes) if name in CHANNEL_AXES)
    samples = axes[axis] == "s"
    count = int(data.shape[axis])
    # Two samples are gray and alpha, four are a color and alpha.
    wanted = {2: 1, 4: COLORS}.get(count, count) if samples else count
    if wanted > 1:
        return ChannelImage(data, axis, channels=wanted)
    if isinstance(data, np.ndarray):
        return np.moveaxis(data, axis, 0)[0]
    return AxesView(data, [i for i in range(len(axes)) if i != axis])


def select(data: Any, kept: list[int]) -> Any:
    """Leave out axes of length 1, in native byte order; lazy where the data are."""
    if not np.dtype(data.dtype).isnative:
        return AxesView(data, kept)
    if len(kept) == len(data.shape):
        return data
    if isinstance(data, np.ndarray):
        return data.reshape([data.shape[axis] for axis in kept])
    return AxesView(data, kept)


def told_size(
    axes: tuple[str, ...], raw: RawImage, path: Path
) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
    """Edges of a voxel, their unit, and what of them was not told as it should be.

    Parameters
    ----------
    axes
        Those of space.
    raw, path
        What was opened, and from where.
    """
    told = [axis for axis in axes if axis in raw.spacing]
    if not told:
        return (1.0,) * len(axes), NO_UNIT, ()
    anyway = next((raw.units[a] for a in "yxz" if raw.units.get(a)), NO_UNIT)
    units = {axis: unit_name(raw.units.get(axis) or anyway) for axis in told}
    good = [axis for axis in told if _is_size(raw.spacing[axis])]
    unit = units[good[-1]] if good else NO_UNIT
    factors = {axis: conversion(units[axis], unit) for axis in good}
    sizes = {a: abs(raw.spacing[a]) * f for a, f in factors.items() if f is not None}
    faults: dict[str, list[str]] = {}
    for axis in axes:
        fault = _fault(axis, raw, units, unit)
        if fault:
            faults.setdefault(fault, []).append(axis)
    if not faults:
        return tuple(sizes[axis] for axis in axes), unit, ()
    # Voxels are taken for cubes, by the edge along y or x where one is known.
    edge = next((sizes[axis] for axis in "yxz" if axis in sizes), 1.0)
    used = tuple(sizes.get(axis, edge) for axis in axes)
    told_so = [f"tells {f} along {' and '.join(along)}" for f, along in faults.items()]
    caution = (
        f"{path.name} {' and '.join(told_so)}; its voxels are taken for "
        f"{' x '.join(f'{size:g}' for size in used)} {unit} ({', '.join(axes)})."
    )
    return used, unit, (caution,)


def _fault(axis: str, raw: RawImage, units: Mapping[str, str], unit: str) -> str | None:
    """What the file tells of the voxel size along an axis, or None where it is good."""
    size = raw.spacing.get(axis)
    if size is None:
        return "no voxel size"
    if not _is_size(size):
        number = math.isfinite(size)
        return (
            f"a voxel size of {size:g}" if number else "a voxel size that is no number"
        )
    if unit not in METERS and unit != NO_UNIT:
        return f"a voxel size in {unit}, a unit that is not known,"
    if unit != NO_UNIT and not raw.units.get(axis):
        return f"a voxel size without a unit, taken for {unit},"
    if conversion(units[axis], unit) is None:
        return f"a voxel size in {units[axis]}, not in {unit},"
    return "a negative voxel size" if size < 0 else None


def _is_size(size: float) -> bool:
    return is_edge(abs(size))
