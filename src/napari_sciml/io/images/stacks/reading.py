"""Folders of slices, one file each."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.axes import RawImage, Sizes
from napari_sciml.images.lazy import PlaneStack
from napari_sciml.images.volume import unique
from napari_sciml.io.images.stacks.order import (
    folders_in,
    further_slices,
    slices_in_order,
)
from napari_sciml.io.images.text import listed
from napari_sciml.io.images.tiff.file import parsed
from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES, axis_names, open_tiff
from napari_sciml.io.images.tiff.series import only_image
from napari_sciml.io.images.tiff.signature import Signatures
from napari_sciml.io.images.tiff.size import physical_size
from napari_sciml.io.images.tiff.storage import check_within
from napari_sciml.notices import Patience, tell

PICTURE_SUFFIXES = (".png", ".bmp", ".jpg", ".jpeg")
GRAY_MODES = ("1", "L", "I", "I;16", "I;16B", "F")
"""Of Pillow."""

MANY = 10_000
"""Files in a folder that take longer than a person waits without a word."""
MOST_KNOWN = 100
"""Headers that are remembered."""

Format = tuple[tuple[int, ...], np.dtype, Sizes]
"""Shape, type and size of the pixels of a slice."""


def open_folder(path: Path) -> RawImage:
    """Stack the slices of a folder along z, by the numbers in their names.

    The slices are TIFF files, or pictures where there are none. The files of one
    OME-TIFF are read as their header tells.

    Raises
    ------
    InputError
        When there are none, they differ in shape or type of values, or it is not
        clear which of them are slices of one stack and in which order.
    """
    files = files_in(path, TIFF_SUFFIXES) or files_in(path, PICTURE_SUFFIXES)
    if len(files) > MANY:
        tell(f"Looking at {len(files):,} files in {path} …")
    if not files:
        raise InputError(_without_slices(path))
    of_set = _ome_set(path, files)
    if of_set is not None:
        return of_set
    slices, cautions = slices_in_order(path, files)
    is_tiff = slices[0].suffix.lower() in TIFF_SUFFIXES
    format_of, read = (_tiff_format, _tiff) if is_tiff else (_picture_format, _picture)
    shape, dtype, size = _one_format(path, slices, format_of)

    def read_plane(z: int) -> np.ndarray:
        return read(slices[z]).reshape(shape)

    data = PlaneStack(read_plane, (len(slices), *shape), dtype)
    along_yx = {axis: edge for axis, edge in size.spacing.items() if axis != "z"}
    beside = files_in(path, PICTURE_SUFFIXES) if is_tiff else []
    told = unique(cautions, further_slices(path, slices, beside), size.cautions)
    return RawImage(data, ("z", "y", "x"), along_yx, size.units, told)


def files_in(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files that are seen; "._a.tif" is what macOS keeps beside "a.tif"."""
    with os.scandir(path) as entries:
        names = [
            entry.name
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in suffixes
            and not entry.name.startswith(".")
            and entry.is_file()
        ]
    return [path / name for name in sorted(names)]


def _without_slices(path: Path) -> str:
    inner = folders_in(path)
    within = [name for name in inner if files_in(path / name, TIFF_SUFFIXES)]
    if within:
        return (
            f"{path} is a folder without TIFF files of its own; give one of the "
            f"folders in it, such as {within[0]}."
        )
    return (
        f"{path} is a folder without TIFF files; give a folder of slices, a zarr "
        "or a file."
    )


def _ome_set(path: Path, files: list[Path]) -> RawImage | None:
    """The image whose header says that it is in several of the files."""
    if files[0].suffix.lower() not in TIFF_SUFFIXES or len(files) == 1:
        return None
    # The first file may be a stranger.
    for root in dict.fromkeys((files[0], files[len(files) // 2], files[-1])):
        members = files_of_set(root)
        if members:
            break
    else:
        return None
    raw = open_tiff(root)
    others = [f.name for f in files if f.name not in members]
    if not others:
        return raw
    caution = (
        f"{path.name} also holds {listed(others)}, which the header of {root.name} "
        "does not tell of; left out."
    )
    return replace(raw, cautions=(*raw.cautions, caution))


def files_of_set(path: Path) -> set[str]:
    """Names of the files that the image in one of them goes on in.

    Raises
    ------
    InputError
        When that one cannot be read.
    """
    with _readable(path), parsed(path) as (file, _):
        if not file.series or not file.series[0].is_multifile:
            return set()
        return {page.parent.filename for page in file.series[0] if page is not None}


def _one_format(
    path: Path, slices: list[Path], format_of: Callable[[Path], Format]
) -> Format:
    """What all slices have in common."""
    format_of = _Remembered(format_of)
    patience = Patience(f"Comparing the slices in {path}", len(slices))
    shape, dtype, size = format_of(slices[0])
    others = []
    for done, file in enumerate(slices[1:], start=1):
        patience.done(done)
        other = format_of(file)
        if other[:2] != (shape, dtype):
            raise InputError(
                f"The slices in {path} differ: {slices[0].name} is {shape} {dtype}, "
                f"{file.name} is {other[0]} {other[1]}; keep only slices of one stack "
                "in the folder."
            )
        if _along_yx(other[2]) != _along_yx(size):
            others.append(file.name)
    if others:
        caution = (
            f"{path.name}: {listed(others)} tells another pixel size than "
            f"{slices[0].name}, whose is used."
        )
        size = Sizes(size.spacing, size.units, (*size.cautions, caution))
    return shape, dtype, size


class _Remembered:
    """Parses only what has another header than the files before."""

    def __init__(self, format_of: Callable[[Path], Format]) -> None:
        self._format_of = format_of
        self._known: dict[bytes, Format] = {}
        self._signatures = Signatures()

    def __call__(self, path: Path) -> Format:
        seen = self._signatures.of(path)
        if seen is None:
            return self._format_of(path)
        if seen not in self._known:
            found = self._format_of(path)
            if len(self._known) >= MOST_KNOWN:
                return found
            self._known[seen] = found
        return self._known[seen]


def _along_yx(size: Sizes) -> str:
    # As text, as no number is equal to NaN.
    return str([(size.spacing.get(a), size.units.get(a)) for a in "yx"])


def _tiff_format(path: Path) -> Format:
    with _readable(path), parsed(path) as (file, _):
        series = only_image(file, path).series
        page = file.pages.first
        names = axis_names(series.axes, series.shape)
        long = {a for a, n in zip(names, series.shape, strict=True) if n > 1}
        # The header of one of several files may tell of the whole stack.
        is_part = file.is_ome and len(file.pages) == 1 and page.axes == "YX"
        if not (long <= {"y", "x"} or is_part):
            raise InputError(
                f"{path} is not a gray slice (axes {', '.join(names)}; shape "
                f"{series.shape}), so its folder cannot be stacked."
            )
        check_within([page], path)
        return tuple(page.shape[:2]), series.dtype, physical_size(file, path)


def _tiff(file: Path) -> np.ndarray:
    """A slice; of an uncompressed one only what is looked at is read."""
    with tifffile.TiffFile(file) as opened:
        mapped = opened.pages.first.is_memmappable
    if mapped:
        return tifffile.memmap(file, page=0, mode="r")
    return np.asarray(tifffile.imread(file, key=0))


def _picture_format(path: Path) -> Format:
    from PIL import Image

    with _readable(path), Image.open(path) as picture:
        if picture.mode not in GRAY_MODES:
            raise InputError(
                f"{path} is not a gray slice, so its folder cannot be stacked; convert "
                "its pictures to gray ones."
            )
        values = np.asarray(picture.crop((0, 0, 1, 1)))
        return (picture.height, picture.width), values.dtype, Sizes()


def _picture(file: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(file) as picture:
        return np.asarray(picture)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name the slice that cannot be read."""
    try:
        yield
    except (InputError, FileNotFoundError):
        raise
    except Exception as error:
        raise InputError(
            f"{path} cannot be read and may be damaged ({first_line(error)})."
        ) from error
