"""What a file holds as a viewer shows it: all axes, in the usual order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.axes import (
    CHANNEL_AXES,
    RawImage,
    check_values,
    long_axes,
    select,
    to_volume,
    told_size,
)
from napari_sciml.images.lazy import AxesView, Transposed
from napari_sciml.images.units import METERS, NO_UNIT
from napari_sciml.images.volume import Volume, unique
from napari_sciml.io.images.hdf5.reading import data_sets_of, split_hdf5
from napari_sciml.io.images.ngff.reading import count_levels, is_zarr
from napari_sciml.io.images.reading import open_raw

ORDER = "ctzyx"
"""Of the named axes: channels and time come first, as the docks take them."""
SPACE = "zyx"
RGB, RGBA = 3, 4


@dataclass(frozen=True)
class ViewedImage:
    """An image with as many axes as the file has, less those of length 1.

    Attributes
    ----------
    levels
        Array-likes, the full resolution first; one for all that is no pyramid.
    axes
        A name an axis; None where the file names none. Without the samples of a color
        image.
    scale
        Edge of a voxel along the axes of space; 1 along the others.
    units
        Of each axis: that of the voxel size; "pixel" along those not of space.
    rgb
        Whether a further last axis holds the samples of a color.
    volume
        The full resolution as commands take it; None where they refuse it, such as a
        time series.
    cautions
        Sentences on what a person should know before he trusts the data.
    """

    levels: tuple[Any, ...]
    axes: tuple[str | None, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    rgb: bool = False
    volume: Volume | None = None
    cautions: tuple[str, ...] = ()


def parts_of(path: Path) -> list[Path]:
    """Paths of the images to open: itself, or the data sets of an HDF5 file.

    Raises
    ------
    InputError
        When the file does not exist, or holds no image or very many.
    OSError
        When it is no HDF5 file, whatever its name.
    """
    found = split_hdf5(path)
    if found is None or found[1]:
        return [path]
    return [path / name if name else path for name in data_sets_of(path)]


def open_viewed(path: Path) -> ViewedImage:
    """Open an image with all of its axes, without reading it whole where possible.

    Takes what `napari_sciml.io.images.reading.open_volume` takes, and images with time
    and axes without a name.

    Raises
    ------
    InputError
        When it cannot be read, is empty, or holds no real numbers.
    """
    raws = [open_raw(path)]
    count = count_levels(path) if path.is_dir() and is_zarr(path) else 1
    raws += [open_raw(path, level=level) for level in range(1, count)]
    for raw in raws:
        check_values(raw, path)
    arranged = [_arranged(raw) for raw in raws]
    data, names, rgb = arranged[0]
    space = tuple(name for name in names if name and name in SPACE)
    sizes, unit, doubts = told_size(space, raws[0], path)
    edges = dict(zip(space, sizes, strict=True))
    known = unit if unit in METERS else NO_UNIT
    return ViewedImage(
        tuple(level for level, _, _ in arranged if level.ndim == data.ndim),
        names,
        tuple(edges.get(str(name), 1.0) for name in names),
        tuple(known if name in edges else NO_UNIT for name in names),
        rgb,
        _volume(raws[0], path),
        unique(raws[0].cautions, doubts),
    )


def _arranged(raw: RawImage) -> tuple[Any, tuple[str | None, ...], bool]:
    """Data with axes in the usual order, their names, and whether the last is color."""
    kept = long_axes(raw)
    names = [None if _is_guessed(raw) else _name(raw.axes[axis]) for axis in kept]
    data = select(raw.data, kept)
    rgb = _is_color(data, [raw.axes[axis] for axis in kept])
    if not rgb and raw.axes[kept[-1]] == "s" and data.shape[-1] == 2:
        # Gray and how opaque it is.
        data, kept, names = _first_of_last(data), kept[:-1], names[:-1]
    count = len(names) - rgb
    order = sorted(range(count), key=lambda axis: _rank(names[axis]))
    if order != list(range(count)):
        data = _transposed(data, order + [count] * rgb)
    return data, tuple(names[axis] for axis in order), rgb


def _is_guessed(raw: RawImage) -> bool:
    """Whether nothing but the shape tells of the axes, and not enough."""
    return not raw.spacing and any(axis.startswith("axis ") for axis in raw.axes)


def _name(axis: str) -> str | None:
    if axis in CHANNEL_AXES:
        return "c"
    return axis if axis in ORDER else None


def _rank(name: str | None) -> int:
    return -1 if name is None else ORDER.index(name)


def _is_color(data: Any, axes: list[str]) -> bool:
    """Whether the last axis holds red, green and blue, as pictures have them."""
    opaque = axes[-1] == "s" and data.shape[-1] == RGBA
    last = axes[-1] in CHANNEL_AXES and data.shape[-1] == RGB
    alone = sum(axis in CHANNEL_AXES for axis in axes) == 1
    return (last or opaque) and alone and data.dtype in (np.uint8, np.uint16)


def _first_of_last(data: Any) -> Any:
    if isinstance(data, np.ndarray):
        return data[..., 0]
    return AxesView(data, range(data.ndim - 1))


def _transposed(data: Any, order: list[int]) -> Any:
    if isinstance(data, np.ndarray):
        return data.transpose(order)
    return Transposed(data, order)


def _volume(raw: RawImage, path: Path) -> Volume | None:
    try:
        return to_volume(raw, path)
    except InputError:
        return None
