"""Zarr arrays, and OME-Zarr images (NGFF 0.4 and 0.5)."""

import math
import os
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage, guess_axes
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.lazy import AxesView

ZARR_FILES = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


def is_zarr(path: Path) -> bool:
    """Whether a folder is, or claims to be, a zarr."""
    return path.suffix == ".zarr" or any((path / name).exists() for name in ZARR_FILES)


def open_zarr(path: Path, level: int = 0) -> RawImage:
    """Open an array, a level of an OME-Zarr, or the only array.

    Raises
    ------
    InputError
        When a group is no OME-Zarr and does not hold exactly one array, or there is
        no such level.
    """
    import zarr

    node = zarr.open(str(path), mode="r")
    attributes = node.attrs.asdict()
    multiscales = attributes.get("ome", attributes).get("multiscales")
    known = len(multiscales[0]["datasets"]) if multiscales else 1
    if not 0 <= level < known:
        there = "level 0 only" if known == 1 else f"the levels 0 to {known - 1}"
        raise InputError(f"{path} has no level {level}; it has {there}.")
    if isinstance(node, zarr.Array):
        return _plain(node)
    if multiscales:
        return _one_resolution(node, multiscales[0], level)
    arrays = [array for _, array in node.arrays()]
    if len(arrays) == 1:
        return _plain(arrays[0])
    names = ", ".join(sorted(node.keys())) or "nothing"
    raise InputError(
        f"{path} is a zarr group, not an image (it holds {names}); give the path of "
        "one image inside of it."
    )


def count_missing_chunks(data: Any) -> tuple[int, int]:
    """Chunks (or shards) of a zarr that are not stored, and all; 0 for anything else.

    Zarr takes what is not stored for zeros, which saves space where an image is
    empty, and hides that a copy is incomplete.

    Parameters
    ----------
    data
        Of a `Volume`.
    """
    import zarr

    while isinstance(data, AxesView | ChannelImage):
        data = data.source
    if not isinstance(data, zarr.Array):
        return 0, 0
    if not isinstance(data.store, zarr.storage.LocalStore):
        return 0, 0
    # Counting files takes a hundredth of the time that asking zarr does.
    folder = Path(data.store.root) / data.path
    names = [name for _, _, files in os.walk(folder) for name in files]
    stored = len([name for name in names if not _is_metadata(name)])
    files = zip(data.shape, data.shards or data.chunks, strict=True)
    total = math.prod(-(-n // edge) for n, edge in files)
    return max(0, total - stored), total


def _is_metadata(name: str) -> bool:
    return name == "zarr.json" or name.startswith(".") or name.endswith(".partial")


def _plain(array: Any) -> RawImage:
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    known = tuple(str(name).lower() for name in names)
    if len(known) != array.ndim or not set(known) <= set("tczyx"):
        known = guess_axes(array.shape)
    return RawImage(array, known)


def _one_resolution(group: Any, multiscale: dict[str, Any], level: int) -> RawImage:
    dataset = multiscale["datasets"][level]
    array = group[dataset["path"]]
    # Axes are objects since NGFF 0.4, plain names in 0.3 and always tczyx before.
    axes = [
        axis if isinstance(axis, dict) else {"name": axis}
        for axis in multiscale.get("axes", "tczyx"[-array.ndim :])
    ]
    names = tuple(
        "c" if axis.get("type") == "channel" else str(axis["name"]).lower()
        for axis in axes
    )
    scale = [1.0] * array.ndim
    for part in (dataset, multiscale):
        for step in part.get("coordinateTransformations", ()):
            if step["type"] == "scale":
                scale = [a * b for a, b in zip(scale, step["scale"], strict=True)]
    units = {axis["name"].lower(): axis["unit"] for axis in axes if "unit" in axis}
    return RawImage(array, names, dict(zip(names, scale, strict=True)), units)
