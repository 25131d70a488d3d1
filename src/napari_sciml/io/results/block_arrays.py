"""Write and check masks and labels that are larger than memory, part by part."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.executor import not_seen
from napari_sciml.images.tiles import Region, grid
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.ngff.store import readable_store
from napari_sciml.io.results.arrays import (
    CHUNK,
    CLASSIC_TIFF_BYTES,
    SOFTWARE,
    check_array_suffix,
    create_labels,
    has_resolution,
    imagej_options,
    ome_options,
)
from napari_sciml.io.results.ngff_metadata import LEVEL
from napari_sciml.progress import Report

SLAB_BYTES = 2**27
"""A slab of whole planes, for files that are written plane by plane."""


class InParts(Protocol):
    """What is made part by part, and written as it comes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""

    @property
    def dtype(self) -> np.dtype:
        """Of the whole."""

    def parts(self, keys: Iterable[Region], /) -> Iterator[np.ndarray]:
        """Give parts in the order in which they are asked for."""


def save_by_blocks(
    path: str | Path,
    labels: InParts,
    voxel_size: Sequence[float],
    unit: str = "pixel",
    *,
    highest: int,
    chunks: Sequence[int],
    report: Report | None = None,
) -> None:
    """Write what `save_labels` would, whole or not at all, but never hold all of it.

    Parameters
    ----------
    path
        ``.tif``, ``.npy`` or ``.zarr``.
    labels
        ``(y, x)`` or ``(z, y, x)``; each part is asked for once.
    voxel_size, unit
        Size along each axis.
    highest
        Largest value there can be.
    chunks
        Of where the labels are read from, along each axis: what is read at a time
        follows them.
    report
        Told the share that is done.

    Raises
    ------
    InputError
        For another extension, or when something cannot be read or written.
    """
    path = Path(path)
    check_array_suffix(path)
    kind = path.suffix.lower()
    size = tuple(voxel_size)
    with atomic_path(path) as temporary:
        if kind == ".zarr":
            _zarr(temporary, labels, size, unit, chunks, report)
        elif kind == ".npy":
            _npy(temporary, labels, chunks, report)
        else:
            _tiff(temporary, labels, size, unit, highest, chunks, report)


def check_chunks(path: str | Path) -> None:
    """Make sure that a zarr of ours has all of its chunks; others may leave some out.

    Raises
    ------
    InputError
        Tells how many are missing.
    """
    import zarr

    path = Path(path)
    if not path.is_dir() or not (path / "zarr.json").is_file():
        return
    try:
        group = zarr.open_group(readable_store(path), mode="r")
        if not group.attrs.asdict().get("napari_sciml", {}).get("every_chunk"):
            return
        array: Any = group[LEVEL]
        missing = array.nchunks - array.nchunks_initialized
    except Exception:  # no group, or a broken one: whoever opens it says so
        return
    if missing:
        raise InputError(
            f"{path} lacks {missing} of its {array.nchunks} chunks: it was copied in "
            "part, or files were deleted; write it again."
        )


def open_written(path: Path) -> Any:
    """Open an array that another process writes.

    Raises
    ------
    InputError
        When this one does not see it: what it lacks would read as zeros.
    """
    import zarr

    try:
        return zarr.open_array(readable_store(path), mode="r")
    except FileNotFoundError as error:
        raise not_seen(path) from error


def _zarr(
    path: Path,
    labels: InParts,
    voxel_size: tuple[float, ...],
    unit: str,
    chunks: Sequence[int],
    report: Report | None,
) -> None:
    edges = [c * max(1, CHUNK[len(labels.shape)] // c) for c in chunks]
    array = create_labels(path, labels.shape, labels.dtype, edges, voxel_size, unit)
    regions = grid(labels.shape, edges)
    for i, values in enumerate(labels.parts(regions)):
        array[regions[i]] = values
        _tell(report, i + 1, len(regions))


def _npy(
    path: Path, labels: InParts, chunks: Sequence[int], report: Report | None
) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(labels.dtype),
        "fortran_order": False,
        "shape": labels.shape,
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for slab in _slabs(labels, chunks, report):
            file.write(np.ascontiguousarray(slab).data)


def _tiff(
    path: Path,
    labels: InParts,
    voxel_size: tuple[float, ...],
    unit: str,
    highest: int,
    chunks: Sequence[int],
    report: Report | None,
) -> None:
    import tifffile

    dtype, ndim = np.dtype(np.min_scalar_type(highest)), len(labels.shape)
    small = math.prod(labels.shape) * dtype.itemsize < CLASSIC_TIFF_BYTES
    imagej = dtype in (np.uint8, np.uint16) and small and has_resolution(voxel_size)
    options = imagej_options if imagej else ome_options
    planes = (
        plane.astype(dtype, copy=False)
        for slab in _slabs(labels, chunks, report)
        for plane in (slab if ndim == 3 else [slab])
    )
    tifffile.imwrite(
        path,
        planes if ndim == 3 else next(planes),
        shape=labels.shape,
        dtype=dtype,
        photometric="minisblack",
        compression="zlib",
        software=SOFTWARE,
        **options(ndim, highest, voxel_size, unit),
    )


def _slabs(
    labels: InParts, chunks: Sequence[int], report: Report | None
) -> Iterator[np.ndarray]:
    """Slabs along the first axis, as thick as a chunk where memory allows that."""
    length, *plane = labels.shape
    plane_bytes = math.prod(plane) * labels.dtype.itemsize
    thick = max(1, min(chunks[0], SLAB_BYTES // max(1, plane_bytes)))
    if not plane[1:]:
        thick = length
    regions = grid(labels.shape, (thick, *plane))
    for region, slab in zip(regions, labels.parts(regions), strict=True):
        yield slab
        _tell(report, region[0].stop, length)


def _tell(report: Report | None, done: int, total: int) -> None:
    if report is not None:
        report(done / total, f"{100 * done // total} %")
