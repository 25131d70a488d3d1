"""Write a restored image, marked as such, part by part."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, grid
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.restored import KIND, RESTORED
from napari_sciml.io.provenance import jsonable
from napari_sciml.io.results.arrays import (
    CHUNK,
    CLASSIC_TIFF_BYTES,
    has_resolution,
    imagej_options,
    ome_options,
)
from napari_sciml.io.results.ngff_metadata import create_level, multiscales
from napari_sciml.json_files import read_object
from napari_sciml.progress import Report

SLAB_BYTES = 2**27
Read = Callable[[Region], np.ndarray]
"""Gives a part of what is written."""


def check_restored_suffix(path: str | Path) -> None:
    """Make sure that `save_restored` knows the extension.

    Raises
    ------
    InputError
        Names the extensions.
    """
    if Path(path).suffix.lower() not in (".tif", ".tiff", ".zarr"):
        raise InputError(
            f"{path} has no extension that restored images are written with; use .tif "
            "or .zarr."
        )


def save_restored(
    path: str | Path,
    read: Read,
    shape: Sequence[int],
    dtype: Any,
    voxel_size: Sequence[float],
    unit: str,
    about: Mapping[str, Any],
    report: Report | None = None,
) -> None:
    """Write an image, whole or not at all, and say in it that it was restored.

    Parameters
    ----------
    path
        ``.tif``: for ImageJ up to 4 GB, above an OME-TIFF. ``.zarr``: OME-Zarr 0.5.
    read
        Asked for each part once.
    shape, dtype
        Of the whole.
    voxel_size, unit
        Size along each axis.
    about
        How it came about, with its ``fingerprint``; made JSON-able.
    report
        Told the share that is done.

    Raises
    ------
    InputError
        For another extension, or when the file cannot be written.
    """
    path = Path(path)
    check_restored_suffix(path)
    write = _zarr if path.suffix.lower() == ".zarr" else _tiff
    size = tuple(float(edge) for edge in voxel_size)
    with atomic_path(path) as temporary:
        write(temporary, read, tuple(shape), np.dtype(dtype), size, unit, about, report)


def fingerprint_of(path: Path) -> str | None:
    """What was given to `save_restored` as fingerprint; None where that is not told."""
    try:
        if path.is_dir():
            attributes = read_object(path / "zarr.json", nan=True)["attributes"]
            return str(attributes["napari_sciml"]["fingerprint"])
        import tifffile

        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.software != RESTORED:
                return None
            said = page.description.partition("fingerprint=")[2]
            return said[:64] or None
    except Exception:  # whatever a foreign file leads to
        return None


def _zarr(
    path: Path,
    read: Read,
    shape: tuple[int, ...],
    dtype: np.dtype,
    voxel_size: tuple[float, ...],
    unit: str,
    about: Mapping[str, Any],
    report: Report | None,
) -> None:
    import zarr

    axes, chunks = SPATIAL_AXES[len(shape)], (CHUNK[len(shape)],) * len(shape)
    ours = {"kind": KIND, "version": 1, **jsonable(about)}
    attributes = {
        "napari_sciml": ours,
        **multiscales(path.stem, axes, voxel_size, unit),
    }
    group = zarr.create_group(str(path), zarr_format=3, attributes=attributes)
    array = create_level(group, shape=shape, chunks=chunks, dtype=dtype, axes=axes)
    regions = grid(shape, chunks)
    for done, region in enumerate(regions, start=1):
        array[region] = read(region)
        _tell(report, done / len(regions))


def _tiff(
    path: Path,
    read: Read,
    shape: tuple[int, ...],
    dtype: np.dtype,
    voxel_size: tuple[float, ...],
    unit: str,
    about: Mapping[str, Any],
    report: Report | None,
) -> None:
    import tifffile

    small = math.prod(shape) * dtype.itemsize < CLASSIC_TIFF_BYTES
    known = dtype in (np.uint8, np.uint16, np.float32)
    imagej = small and known and has_resolution(voxel_size)
    options = (imagej_options if imagej else ome_options)(
        len(shape), 1, voxel_size, unit
    )
    said = _said(about)
    if imagej:
        # ImageJ finds a contrast of its own for gray values.
        options["metadata"] = {
            key: value
            for key, value in options["metadata"].items()
            if key not in ("min", "max")
        }
        options["metadata"] |= {"restored": said}
    else:
        options["metadata"] |= {"Description": said}
    planes = _planes(read, shape, dtype, report)
    tifffile.imwrite(
        path,
        planes if len(shape) == 3 else next(planes),
        shape=shape,
        dtype=dtype,
        photometric="minisblack",
        compression="zlib",
        software=RESTORED,
        **options,
    )


def _said(about: Mapping[str, Any]) -> str:
    """On one line of ASCII; the fingerprint last, where it is looked for."""
    plain = {k: v for k, v in jsonable(about).items() if k != "fingerprint"}
    text = json.dumps(plain, allow_nan=False)
    return f"{text} fingerprint={about.get('fingerprint', '')}"


def _planes(
    read: Read, shape: tuple[int, ...], dtype: np.dtype, report: Report | None
) -> Iterator[np.ndarray]:
    if len(shape) == 2:
        yield read(tuple(slice(0, n) for n in shape))
        return
    plane = math.prod(shape[1:]) * 4
    thick = max(1, min(32, SLAB_BYTES // plane))
    for start in range(0, shape[0], thick):
        stop = min(start + thick, shape[0])
        slab = read((slice(start, stop), *(slice(0, n) for n in shape[1:])))
        yield from slab.astype(dtype, copy=False)
        _tell(report, stop / shape[0])


def _tell(report: Report | None, done: float) -> None:
    if report is not None:
        report(done, f"writing, {done:.0%}")
