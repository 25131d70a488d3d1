"""TIFF files, and folders of them."""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage
from napari_sciml.images.lazy import PlaneStack

TIFF_SUFFIXES = (".tif", ".tiff")
READ_AT_ONCE = 2**28
"""Compressed files up to this many bytes are read whole, larger ones lazily."""


def open_tiff(path: Path) -> RawImage:
    """Open the first image of a file, memory-mapped where it is uncompressed."""
    with _parsed(path) as file:
        series = _only_image(file, path)
        spacing, units = _physical_size(file)
        axes = _axis_names(series)
        if not _has_alpha(file):
            axes = tuple("c" if axis == "s" else axis for axis in axes)
        if series.dataoffset is not None and not series.is_multifile:
            data: Any = tifffile.memmap(path, mode="r")
        elif series.nbytes <= READ_AT_ONCE:
            data = series.asarray()
        elif _is_plane_by_plane(series, axes):
            data = _planes(path, series)
        else:
            data = _lazily(path)
    return RawImage(data, axes, spacing, units)


def open_tiff_folder(path: Path) -> RawImage:
    """Stack the TIFF files of a folder along z, in natural order of their names.

    Raises
    ------
    InputError
        When there are none, or they differ in shape or type of values.
    """
    files = sorted(
        (f for f in path.iterdir() if _is_slice(f)), key=lambda f: _natural(f.name)
    )
    if not files:
        raise InputError(
            f"{path} is a folder without TIFF files; give a folder of slices, a zarr "
            "or a file."
        )
    shape, dtype = _plane_format(files[0])
    for file in files[1:]:
        if _plane_format(file) != (shape, dtype):
            raise InputError(
                f"The slices in {path} differ: {files[0].name} is {shape} {dtype}, "
                f"{file.name} is {' '.join(map(str, _plane_format(file)))}; keep only "
                "slices of one stack in the folder."
            )

    def read_plane(z: int) -> np.ndarray:
        return _plane(files[z]).reshape(shape)

    with _parsed(files[0]) as first:
        spacing, units = _physical_size(first)
    data = PlaneStack(read_plane, (len(files), *shape), dtype)
    along_yx = {axis: size for axis, size in spacing.items() if axis != "z"}
    return RawImage(data, ("z", "y", "x"), along_yx, units)


@contextmanager
def _parsed(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a file whose list of pages is whole.

    tifffile only logs when the list breaks off, and gives the pages before that:
    a volume with fewer slices, without an error.
    """
    complaints = _Complaints()
    logger = tifffile.logger()
    logger.addHandler(complaints)
    try:
        with tifffile.TiffFile(path) as file:
            _ = file.series
            if any("invalid page offset" in text for text in complaints.texts):
                raise InputError(
                    f"{path} breaks off after page {len(file.pages)}; copy it again."
                )
            yield file
    finally:
        logger.removeHandler(complaints)


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        # The logger is shared with whoever reads another file at the same time.
        if record.thread == self._thread:
            self.texts.append(record.getMessage())


def _only_image(file: tifffile.TiffFile, path: Path) -> Any:
    if not file.series:
        raise InputError(f"{path} holds no image; it may be damaged.")
    first, *others = file.series
    # Thumbnails and smaller levels of a pyramid are welcome beside the image.
    if any(other.size >= first.size for other in others):
        raise InputError(
            f"{path} holds {len(file.series)} images of different kinds; save the one "
            "you mean in a file of its own."
        )
    return first


def _axis_names(series: Any) -> tuple[str, ...]:
    """Axes in lower case, where one unnamed axis of pages is taken for z."""
    names = list(series.axes.lower())
    long = [i for i, n in enumerate(series.shape) if n > 1]
    unnamed = [i for i in long if names[i] in "iq"]
    if len(unnamed) == 1 and "z" not in [names[i] for i in long]:
        names[unnamed[0]] = "z"
    return tuple(names)


def _has_alpha(file: tifffile.TiffFile) -> bool:
    """Whether the last sample of a pixel is how opaque it is."""
    alpha = {tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA}
    return bool(alpha & set(file.pages.first.extrasamples))


def _is_plane_by_plane(series: Any, axes: tuple[str, ...]) -> bool:
    """Whether each page is a whole slice of a volume, and of nothing else."""
    return axes == ("z", "y", "x") and len(series.pages) == series.shape[0]


def _planes(path: Path, series: Any) -> PlaneStack:
    pages = tifffile.TiffFile(path).series[0].pages
    lock = threading.Lock()

    def read_plane(z: int) -> np.ndarray:
        with lock:  # the file has one position for all threads
            return np.asarray(pages[z].asarray())

    return PlaneStack(read_plane, series.shape, series.dtype)


def _plane(file: Path) -> np.ndarray:
    """A slice; of an uncompressed one only what is looked at is read."""
    with tifffile.TiffFile(file) as opened:
        mapped = opened.pages.first.is_memmappable
    if mapped:
        return tifffile.memmap(file, mode="r")
    return np.asarray(tifffile.imread(file, series=0))


def _lazily(path: Path) -> Any:
    import zarr

    store = tifffile.imread(path, series=0, level=0, aszarr=True)
    return zarr.open_array(store, mode="r")


def _physical_size(file: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    if file.is_ome:
        return _ome_size(file.ome_metadata)
    if file.is_imagej:
        return _imagej_size(file)
    # The resolution of other files is about printing: 72 dots an inch.
    return {}, {}


def _ome_size(metadata: str) -> tuple[dict[str, float], dict[str, str]]:
    images = tifffile.xml2dict(metadata)["OME"]["Image"]
    pixels = (images[0] if isinstance(images, list) else images)["Pixels"]
    known = {axis: f"PhysicalSize{axis.upper()}" for axis in "zyx"}
    known = {axis: key for axis, key in known.items() if key in pixels}
    spacing = {axis: float(pixels[key]) for axis, key in known.items()}
    # micrometer is the default of the OME schema.
    units = {axis: str(pixels.get(f"{k}Unit", "µm")) for axis, k in known.items()}
    return spacing, units


def _imagej_size(
    file: tifffile.TiffFile,
) -> tuple[dict[str, float], dict[str, str]]:
    metadata = file.imagej_metadata or {}
    per_x, per_y = file.pages.first.resolution
    if not {"unit", "spacing"} & metadata.keys() or not (per_x and per_y):
        return {}, {}
    # ImageJ leaves the spacing out where it is 1.
    depth = float(metadata.get("spacing", 1.0))
    unit = str(metadata.get("unit", "pixel"))
    return {"z": depth, "y": 1 / per_y, "x": 1 / per_x}, dict.fromkeys("zyx", unit)


def _is_slice(file: Path) -> bool:
    return file.suffix.lower() in TIFF_SUFFIXES and not file.name.startswith(".")


def _natural(name: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def _plane_format(path: Path) -> tuple[tuple[int, ...], np.dtype]:
    with _parsed(path) as file:
        series = _only_image(file, path)
        names = _axis_names(series)
        pairs = [p for p in zip(names, series.shape, strict=True) if p[1] > 1]
        if not {axis for axis, _ in pairs} <= {"y", "x"}:
            raise InputError(
                f"{path} is not a gray slice (axes {', '.join(names)}; shape "
                f"{series.shape}), so its folder cannot be stacked."
            )
        return tuple(file.pages.first.shape[:2]), series.dtype
