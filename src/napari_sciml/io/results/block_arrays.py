"""Write and check masks and labels that are larger than memory, part by part."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import LazyArray
from napari_sciml.images.tiles import grid
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


def save_by_blocks(
    path: str | Path,
    labels: LazyArray,
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
        ``(y, x)`` or ``(z, y, x)``; each part is read once.
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


def _zarr(
    path: Path,
    labels: LazyArray,
    voxel_size: tuple[float, ...],
    unit: str,
    chunks: Sequence[int],
    report: Report | None,
) -> None:
    edges = [c * max(1, CHUNK[labels.ndim] // c) for c in chunks]
    array = create_labels(path, labels.shape, labels.dtype, edges, voxel_size, unit)
    regions = grid(labels.shape, edges)
    for i, region in enumerate(regions):
        array[region] = labels[region]
        _tell(report, i + 1, len(regions))


def _npy(
    path: Path, labels: LazyArray, chunks: Sequence[int], report: Report | None
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
    labels: LazyArray,
    voxel_size: tuple[float, ...],
    unit: str,
    highest: int,
    chunks: Sequence[int],
    report: Report | None,
) -> None:
    import tifffile

    dtype = np.dtype(np.min_scalar_type(highest))
    small = labels.size * dtype.itemsize < CLASSIC_TIFF_BYTES
    imagej = dtype in (np.uint8, np.uint16) and small and has_resolution(voxel_size)
    options = imagej_options if imagej else ome_options
    planes = (
        plane.astype(dtype, copy=False)
        for slab in _slabs(labels, chunks, report)
        for plane in (slab if labels.ndim == 3 else [slab])
    )
    tifffile.imwrite(
        path,
        planes if labels.ndim == 3 else next(planes),
        shape=labels.shape,
        dtype=dtype,
        photometric="minisblack",
        compression="zlib",
        software=SOFTWARE,
        **options(labels.ndim, highest, voxel_size, unit),
    )


def _slabs(
    labels: LazyArray, chunks: Sequence[int], report: Report | None
) -> Iterator[np.ndarray]:
    """Slabs along the first axis, as thick as a chunk where memory allows that."""
    plane = int(np.prod(labels.shape[1:])) * labels.dtype.itemsize
    thick = max(1, min(chunks[0], SLAB_BYTES // max(1, plane)))
    if labels.ndim == 2:
        thick = labels.shape[0]
    for start in range(0, labels.shape[0], thick):
        stop = min(start + thick, labels.shape[0])
        yield labels[start:stop]
        _tell(report, stop, labels.shape[0])


def _tell(report: Report | None, done: int, total: int) -> None:
    if report is not None:
        report(done / total, f"{100 * done // total} %")
