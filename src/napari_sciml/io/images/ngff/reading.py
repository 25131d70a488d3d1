"""Zarr arrays, and OME-Zarr images (NGFF 0.4 and 0.5)."""

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage, guess_axes
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.lazy import AxesView
from napari_sciml.images.room import check_room
from napari_sciml.io.images.ngff.chunks import ZarrArray
from napari_sciml.io.images.ngff.multiscales import (
    image_of_level,
    multiscales_of,
    read_level,
)
from napari_sciml.io.images.ngff.store import METADATA, readable_store
from napari_sciml.io.images.text import value_text

CHUNKS = "write the array in smaller chunks"
COUNTED = 10_000
"""Chunks whose files are counted whenever an image is opened: that takes 30 ms."""


def is_zarr(path: Path) -> bool:
    """Whether a folder is, or claims to be, a zarr."""
    return path.suffix == ".zarr" or any((path / name).exists() for name in METADATA)


def open_zarr(path: Path, level: int = 0) -> RawImage:
    """Open an array, a level of an OME-Zarr, or the only array.

    Parameters
    ----------
    path
        Of an array, also of one that is a level of an OME-Zarr (``img.zarr/1``), which
        then has its axes and voxel size from there; or of a group.
    level
        Of an OME-Zarr with several resolutions.

    Raises
    ------
    InputError
        When a group is no OME-Zarr and does not hold exactly one array, or there is
        no such level. The data raise it on slicing, where a chunk is damaged.
    """
    raw = _open(path, level)
    check_room(_at_once(raw.data), raw.data.dtype, f"A chunk of {path}", advice=CHUNKS)
    missing = missing_chunks(raw.data, path.name, at_most=COUNTED)
    data = ZarrArray(raw.data, raw.axes, path.name)
    return replace(raw, data=data, cautions=(*raw.cautions, *missing))


def _at_once(array: Any) -> tuple[int, ...]:
    """What is unpacked however little is asked for."""
    return tuple(int(n) for n in array.chunks)


def count_levels(path: Path) -> int:
    """Resolutions of an OME-Zarr; 1 for any other zarr."""
    import zarr

    images = multiscales_of(zarr.open(readable_store(path), mode="r"))
    return len(images[0]["datasets"]) if images else 1


def missing_chunks(
    data: Any, name: str, *, at_most: float = math.inf
) -> tuple[str, ...]:
    """A caution where chunks are not stored; none where there are more than that.

    Parameters
    ----------
    data
        Of a `Volume`, or a zarr array.
    name
        Of the file, for the caution.
    at_most
        Chunks that are worth the time to count.
    """
    missing, total = _count_missing_chunks(data, at_most)
    if not missing:
        return ()
    return (
        f"{missing} of {total} chunks of {name} are not stored and count as "
        f"{value_text(_zarr_array(data).fill_value)}, as zarr has it; look "
        "whether the copy is complete.",
    )


def _zarr_array(data: Any) -> Any:
    while isinstance(data, AxesView | ChannelImage | ZarrArray):
        data = data.source
    return data


def _count_missing_chunks(data: Any, at_most: float) -> tuple[int, int]:
    """Chunks (or shards) that are not stored, and all; 0 for anything but a zarr.

    Zarr takes what is not stored for zeros, which saves space where an image is
    empty, and hides that a copy is incomplete.
    """
    import zarr

    data = _zarr_array(data)
    if not isinstance(data, zarr.Array):
        return 0, 0
    if not isinstance(data.store, zarr.storage.LocalStore):
        return 0, 0
    files = zip(data.shape, data.shards or data.chunks, strict=True)
    total = math.prod(-(-n // edge) for n, edge in files)
    if total > at_most:
        return 0, total
    # Counting files takes a hundredth of the time that asking zarr does.
    folder = Path(data.store.root) / data.path
    names = [name for _, _, files in os.walk(folder) for name in files]
    stored = len([name for name in names if not _is_metadata(name)])
    return max(0, total - stored), total


def _is_metadata(name: str) -> bool:
    return name == "zarr.json" or name.startswith(".") or name.endswith(".partial")


def _open(path: Path, level: int) -> RawImage:
    import zarr

    node = zarr.open(readable_store(path), mode="r")
    images = multiscales_of(node)
    known = len(images[0]["datasets"]) if images else 1
    if not 0 <= level < known:
        there = "level 0 only" if known == 1 else f"the levels 0 to {known - 1}"
        raise InputError(f"{path} has no level {level}; it has {there}.")
    if isinstance(node, zarr.Array):
        found = image_of_level(path)
        return read_level(*found, path) if found else _plain(node)
    if images:
        return read_level(node, images[0], level, path)
    arrays = [array for _, array in node.arrays()]
    if len(arrays) == 1:
        return _plain(arrays[0])
    names = ", ".join(sorted(node.keys())) or "nothing"
    raise InputError(
        f"{path} is a zarr group, not an image (it holds {names}); give the path of "
        "one image inside of it."
    )


def _plain(array: Any) -> RawImage:
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    known = tuple(str(name).lower() for name in names)
    if len(known) != array.ndim or not set(known) <= set("tczyx"):
        known = guess_axes(array.shape)
    return RawImage(array, known)
