"""Whether the planes that a TIFF file promises are there."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.io.images.tiff.header import WORDS
from napari_sciml.io.images.tiff.series import Found
from napari_sciml.io.images.tiff.storage import (
    caution_of_holes,
    check_one_kind,
    check_within,
    in_full,
    refuse_missing,
    way_of_storing,
)


@dataclass(frozen=True)
class Planes:
    """The pages of an image.

    Attributes
    ----------
    pages
        None where tifffile can be left to read them as one. Else those that are
        there, as an array of the shape of the axes before those of a page.
    axes
        Of ``pages`` and then of a page.
    cautions
        On what is missing.
    """

    pages: np.ndarray | None
    axes: str
    cautions: tuple[str, ...] = ()


def planes_of(file: tifffile.TiffFile, found: Found, path: Path) -> Planes:
    """Look whether all pages of an image are there and stored in one way.

    Raises
    ------
    InputError
        When the file was cut off, or planes are missing elsewhere than at the end.
    """
    series = found.series
    if found.joined:
        own = [file.pages[number].aspage() for number in found.joined]
        check_within(own, path)
        return Planes(_array(own), "I" + series.keyframe.axes)
    promised = max(1, int(series.size) // series.keyframe.size)
    if promised > 1 and _is_contiguous(file, series):
        return Planes(None, series.axes)
    pages = _pages(file, series, promised, path)
    there = [page for page in pages if page is not None]
    if not there:
        raise InputError(f"{path} holds no pixels; it may be damaged.")
    check_within(there, path)
    # tifffile looks at the first page only where a header tells of the others.
    alike = len({way_of_storing(page) for page in there}) == 1
    own = pages if alike else [in_full(page) for page in pages]
    alike = alike or len({page.hash for page in own if page is not None}) == 1
    holes = caution_of_holes(there, path)
    if alike and len(there) == len(pages) == promised:
        return Planes(None, series.axes, holes)
    if not alike:
        check_one_kind(own, path)
    planes = _present(series, (pages if alike else own)[:promised], promised, path)
    return replace(planes, cautions=(*planes.cautions, *holes))


def _is_contiguous(file: tifffile.TiffFile, series: Any) -> bool:
    """Whether the planes follow each other, without another page in between."""
    start = series.dataoffset
    if start is None or series.is_multifile:
        return False
    end = start + int(series.size) * series.dtype.itemsize
    if end > file.filehandle.size:
        return False
    if len(file.pages) == 1:
        return True
    return not any(start < file.pages[i].offset < end for i in (1, -1))


def _pages(
    file: tifffile.TiffFile, series: Any, promised: int, path: Path
) -> list[Any]:
    """A page for each plane, and None for what is not there."""
    key, chained = series.keyframe, len(file.pages)
    if len(file.series) > 1 or chained == 1 or series.is_multifile:
        listed = list(series) if len(series) > 1 or promised == 1 else [key]
        if len(listed) == 1 < promised and key.is_final:
            refuse_missing(promised, path)
    else:
        # One page that stands for all planes, though their pixels do not follow it.
        listed = list(file.pages if series.is_truncated else series)
    listed += [None] * (promised - len(listed))
    return [page if page is not None and _is_written(page) else None for page in listed]


def _is_written(page: Any) -> bool:
    return any(page.databytecounts) and any(page.dataoffsets)


def _array(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def _present(series: Any, pages: list[Any], promised: int, path: Path) -> Planes:
    """The planes that are there, if they are the first ones along z and time."""
    axes, outer = _outer(series)
    if int(np.prod(outer)) != promised:
        raise InputError(
            f"{path} holds {len(pages)} pages, which do not fit its header; save it "
            "again."
        )
    grid = _array(pages).reshape(outer)
    there = np.array([page is not None for page in pages]).reshape(outer)
    missing = int((~there).sum())
    files = _files_missing(series, path) if missing else ""
    kept = _kept(there, axes)
    if kept is None:
        raise InputError(
            f"{path} lacks {missing} of the {promised} planes that its header "
            f"promises{files}, and not the last ones; copy it again "
            "with all its files."
        )
    part = grid[kept]
    axes += series.keyframe.axes
    if not missing:
        return Planes(part, axes)
    return Planes(part, axes, (_told(path, axes, outer, part.shape, files),))


def _outer(series: Any) -> tuple[str, tuple[int, ...]]:
    """The axes along which pages stand, and how many there are."""
    axes, shape, inner = series.axes, series.shape, series.keyframe.shape
    if hasattr(series, "get_axes"):  # tifffile before 2026.5 keeps axes of length 1
        axes, shape = series.get_axes(False), series.get_shape(False)
        # It adds an axis of samples of length 1.
        if len(axes) > len(inner) and axes[-1] == "S" and shape[-1] == 1:
            axes, shape = axes[:-1], shape[:-1]
        return axes[: -len(inner)], shape[: -len(inner)]
    for length in reversed(inner):
        if shape and shape[-1] == length:
            axes, shape = axes[:-1], shape[:-1]
    return axes, shape


def _kept(there: np.ndarray, axes: str) -> tuple[slice, ...] | None:
    """The first slices and time points of which all is there."""
    along = range(there.ndim)
    runs = [_run(np.asarray(there.any(_others(i, along))), axes[i]) for i in along]
    kept = tuple(run for run in runs if run is not None)
    if len(kept) < there.ndim:
        return None
    part = there[kept]
    if not part.all():
        # Stopped in the midst of a slice of several channels.
        i = (
            axes.index("Z")
            if "Z" in axes[: there.ndim]
            else int(np.argmax(there.shape))
        )
        whole = _run(np.asarray(part.all(_others(i, along))), axes[i])
        if whole is None:
            return None
        kept = (*kept[:i], whole, *kept[i + 1 :])
    return kept if there[kept].all() else None


def _others(axis: int, axes: range) -> tuple[int, ...]:
    return tuple(other for other in axes if other != axis)


def _run(good: np.ndarray, axis: str) -> slice | None:
    """The one run of what is good; of slices the first ones, of channels any."""
    at = np.flatnonzero(good)
    if at.size == 0 or at[-1] - at[0] + 1 != at.size or (at[0] and axis != "C"):
        return None
    return slice(int(at[0]), int(at[-1]) + 1)


def _told(
    path: Path, axes: str, promised: tuple[int, ...], there: tuple[int, ...], files: str
) -> str:
    counts = " and ".join(
        f"{n} of {of} {WORDS.get(axis.lower(), 'pages')}"
        for axis, of, n in zip(axes, promised, there, strict=False)
        if n < of
    )
    return (
        f"{path.name} holds {counts} that its header promises{files}; the others are "
        "missing."
    )


def _files_missing(series: Any, path: Path) -> str:
    """Name the first file of the set that is not there."""
    root = ElementTree.fromstring(series.parent.ome_metadata or "<none/>")
    names = dict.fromkeys(
        element.get("FileName", "")
        for element in root.iter()
        if "FileName" in element.attrib
    )
    lost = [name for name in names if not (path.parent / name).is_file()]
    if not lost:
        return ""
    more = f" and {len(lost) - 1} more are" if lost[1:] else " is"
    return f" ({lost[0]}{more} not beside it)"
