"""TIFF files."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage
from napari_sciml.images.lazy import PlaneStack
from napari_sciml.images.room import check_room
from napari_sciml.images.volume import unique
from napari_sciml.io.images.restored import caution_of_tiff
from napari_sciml.io.images.tiff.file import parsed
from napari_sciml.io.images.tiff.header import caution_of_header, follows_header
from napari_sciml.io.images.tiff.pages import planes_of
from napari_sciml.io.images.tiff.series import only_image
from napari_sciml.io.images.tiff.size import physical_size
from napari_sciml.io.images.tiff.storage import check_claims, opened

TIFF_SUFFIXES = (".tif", ".tiff")
READ_AT_ONCE = 2**28
"""Compressed files up to this many bytes are read whole, larger ones lazily."""


def open_tiff(path: Path) -> RawImage:
    """Open the one image of a file, memory-mapped where it is uncompressed.

    Raises
    ------
    InputError
        When the file was cut off, or holds several images, or when planes that its
        header promises are missing elsewhere than at the end.
    """
    with parsed(path) as (file, complaints):
        found = only_image(file, path)
        of_header = caution_of_header(file, found, path)
        planes = planes_of(file, found, path)
        check_claims(found.series, path)
        size = physical_size(file, path)
        series = found.series
        if planes.pages is None:
            axes = axis_names(series.axes, series.shape)
            data = _whole(path, file, series, axes)
        else:
            data, letters = _stacked(path, planes.pages, planes.axes, series)
            axes = axis_names(letters, data.shape)
        if not _has_alpha(file):
            axes = tuple("c" if axis == "s" else axis for axis in axes)
        of_pages = unique(found.cautions, planes.cautions, of_header)
        restored = caution_of_tiff(file.pages.first.software, path.name)
        told = of_pages or follows_header(file, found)
        others = () if told else complaints.cautions(path)
    cautions = unique(of_pages, others, size.cautions, restored)
    return RawImage(data, axes, size.spacing, size.units, cautions)


def axis_names(letters: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Axes in lower case, where one unnamed axis of pages is taken for z."""
    names = list(letters.lower())
    long = [i for i, n in enumerate(shape) if n > 1]
    unnamed = [i for i in long if names[i] in "iq"]
    if len(unnamed) == 1 and "z" not in [names[i] for i in long]:
        names[unnamed[0]] = "z"
    return tuple(names)


def _has_alpha(file: tifffile.TiffFile) -> bool:
    """Whether the last sample of a pixel is how opaque it is."""
    alpha = {tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA}
    return bool(alpha & set(file.pages.first.extrasamples))


def _whole(
    path: Path, file: tifffile.TiffFile, series: Any, axes: tuple[str, ...]
) -> Any:
    if series.dataoffset is not None and not series.is_multifile:
        stored = file.byteorder + series.dtype.char
        return np.memmap(path, stored, "r", series.dataoffset, series.shape)
    if series.nbytes <= READ_AT_ONCE:
        return _at_once(path, series)
    if axes == ("z", "y", "x") and len(series) == series.shape[0]:
        check_room(series.shape[1:], series.dtype, f"A page of {path}")
        return _plane_by_plane(list(series), series.shape, series.dtype)
    check_room(series.keyframe.chunks, series.dtype, f"A strip or tile of {path}")
    import zarr

    return zarr.open_array(series.aszarr(level=0), mode="r")


def _at_once(path: Path, series: Any) -> np.ndarray:
    values: np.ndarray = series.asarray()
    if values.shape != tuple(series.shape):  # tifffile only logs that it gave up
        told = " x ".join(map(str, series.shape))
        raise InputError(
            f"{path} does not hold the {told} pixels that its header tells; "
            "save it again."
        )
    return values


def _stacked(path: Path, grid: np.ndarray, axes: str, series: Any) -> tuple[Any, str]:
    """Pages that are read one by one, and their axes."""
    inner, pages = series.keyframe.shape, list(grid.flat)
    check_room(inner, series.dtype, f"A page of {path}")
    lazy = _plane_by_plane(pages, (len(pages), *inner), series.dtype)
    long = [axis for axis, n in zip(axes, grid.shape, strict=False) if n > 1]
    if len(long) == 1 and series.nbytes > READ_AT_ONCE:
        return lazy, long[0] + axes[grid.ndim :]
    check_room(lazy.shape, lazy.dtype, path)
    return lazy[...].reshape(*grid.shape, *inner), axes


def _plane_by_plane(pages: list[Any], shape: tuple[int, ...], dtype: Any) -> PlaneStack:
    lock = threading.Lock()

    def read_plane(z: int) -> np.ndarray:
        file = pages[z].parent.filehandle
        with lock, opened(file):  # the file has one position for all threads
            return np.asarray(pages[z].asarray())

    return PlaneStack(read_plane, shape, dtype)
