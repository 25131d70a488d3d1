"""Whether the planes that a TIFF file promises are there."""

import math
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.images.tiff_series import Found, header_promises

WORDS = {"z": "slices", "c": "channels", "t": "time points"}


@dataclass(frozen=True)
class Planes:
    """The pages of an image where tifffile cannot be left to read them as one.

    Attributes
    ----------
    pages
        Numbers of pages within the file where each has to be read in its own way, or
        pages of tifffile; an array of the shape of the axes before those of a page.
    axes
        Of ``pages`` and then of a page.
    cautions
        On what is missing.
    """

    pages: np.ndarray
    axes: str
    cautions: tuple[str, ...] = ()


def planes_of(file: tifffile.TiffFile, found: Found, path: Path) -> Planes | None:
    """Look whether all pages of an image are there and stored in one way.

    Returns
    -------
    Planes or None
        None where all is as it should be.

    Raises
    ------
    InputError
        When the file was cut off, or planes are missing elsewhere than at the end.
    """
    series = found.series
    if found.joined:
        check_within(file, [file.pages[i].aspage() for i in found.joined], path)
        numbers = np.array(found.joined, dtype=object)
        return Planes(numbers, "I" + series.keyframe.axes)
    promised = max(1, int(np.prod(series.get_shape(False))) // series.keyframe.size)
    if promised > 1 and _is_contiguous(file, series):
        return None
    pages = _pages(file, series, promised, path)
    there = [page for page in pages if page is not None]
    if not there:
        raise InputError(f"{path} holds no pixels; it may be damaged.")
    check_within(file, there, path)
    uniform = len(pages) == promised and all(map(_is_stored_alike, there))
    if uniform and len(there) == promised:
        return None
    if not uniform and all(page.parent is file for page in there):
        pages = _each_in_its_own_way(file, pages, path)
    return _present(series, pages[:promised], promised, path)


def caution_of_header(
    file: tifffile.TiffFile, found: Found, path: Path
) -> tuple[str, ...]:
    """Compare the pages with the header, where tifffile did without it or cut it.

    Raises
    ------
    InputError
        When the header tells of channels or time points that cannot be told apart.
    """
    series = found.series
    read = len(found.joined) or int(np.prod(series.get_shape(False))) // max(
        1, series.keyframe.size
    )
    chained = len(file.pages)
    told = series.kind in ("ome", "imagej", "shaped", "mmstack")
    if told and len(file.series) == 1 and not series.is_multifile and read < chained:
        return (
            f"{path.name} holds {chained} pages but its header tells of {read}; the "
            f"{chained - read} others are left out.",
        )
    promised = header_promises(file)
    if promised is None or series.kind == "ome" or math.prod(promised.values()) <= 1:
        return ()
    if series.kind == "imagej" and math.prod(promised.values()) <= read:
        return ()
    samples = series.keyframe.samplesperpixel
    mixed = [
        f"{n} {WORDS[a]}" for a, n in promised.items() if a != "z" and n > 1 < read
    ]
    if mixed and promised["c"] * promised["t"] != samples:
        raise InputError(
            f"{path} holds {read} pages, which do not fit its header "
            f"({promised['z']} slices, {', '.join(mixed)}); save it again, whole."
        )
    if promised["z"] == read:
        return ()
    return (
        f"{path.name} holds {read} pages but its header promises "
        f"{promised['z']} slices; the {read} are read.",
    )


def _is_contiguous(file: tifffile.TiffFile, series: Any) -> bool:
    """Whether the planes follow each other, without another page in between."""
    start = series.dataoffset
    if start is None or series.is_multifile:
        return False
    end = start + int(np.prod(series.get_shape(False))) * series.dtype.itemsize
    if end > file.filehandle.size:
        return False
    if len(file.pages) == 1:
        return True
    return not any(start < page.offset < end for page in file.pages)


def _pages(
    file: tifffile.TiffFile, series: Any, promised: int, path: Path
) -> list[Any]:
    """A page for each plane, and None for what is not there."""
    key, chained = series.keyframe, len(file.pages)
    if len(file.series) > 1 or chained == 1 or series.is_multifile:
        listed = list(series) if len(series) > 1 or promised == 1 else [key]
        if len(listed) == 1 < promised and key.is_final:
            raise InputError(
                f"{path} breaks off: its header promises {promised} planes, of which "
                "not all are there; copy it again."
            )
    else:
        # One page that stands for all planes, though their pixels do not follow it.
        listed = list(file.pages if series.is_truncated else series)
    listed += [None] * (promised - len(listed))
    return [page if page is not None and _is_written(page) else None for page in listed]


def _is_written(page: Any) -> bool:
    return any(page.databytecounts) and any(page.dataoffsets)


def _is_stored_alike(page: Any) -> bool:
    """Whether it can be read in the way of the first page of its series.

    tifffile looks at the first page only, where a header tells of the others.
    """
    key = page.keyframe
    if page is key:
        return True
    if len(page.dataoffsets) != len(key.dataoffsets):
        return False
    plain = key.compression == 1 and not key.is_tiled
    return not plain or sum(page.databytecounts) >= key.nbytes


def _each_in_its_own_way(
    file: tifffile.TiffFile, pages: list[Any], path: Path
) -> list[Any]:
    with tifffile.TiffFile(path) as fresh:
        own = [p and fresh.pages[p.index].aspage() for p in pages]
        kinds = {(p.shape, p.dtype) for p in own if p is not None}
    if len(kinds) > 1:
        kind = " and ".join(sorted(f"{shape} {dtype}" for shape, dtype in kinds))
        raise InputError(
            f"{path} holds pages of different kinds ({kind}); save the ones you mean "
            "in a file of its own."
        )
    return [p and p.index for p in pages]


def _present(series: Any, pages: list[Any], promised: int, path: Path) -> Planes:
    """The planes that are there, if they are the first ones along z and time."""
    inner = len(series.keyframe.shape)
    axes, shape = series.get_axes(False), series.get_shape(False)
    # tifffile adds an axis of samples of length 1.
    if len(axes) > inner and axes[-1] == "S" and shape[-1] == 1:
        axes, shape = axes[:-1], shape[:-1]
    outer = shape[:-inner]
    if int(np.prod(outer)) != promised:
        raise InputError(
            f"{path} holds {len(pages)} pages, which do not fit its header; save it "
            "again."
        )
    grid = np.empty(promised, dtype=object)
    grid[:] = [None if page is None else (page,) for page in pages]
    grid = grid.reshape(outer)
    there = grid != np.array(None)
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
    pages_there = np.empty(part.shape, dtype=object)
    for at, held in np.ndenumerate(part):
        pages_there[at] = held[0]
    axes = axes[: len(outer)] + series.keyframe.axes
    if not missing:
        return Planes(pages_there, axes)
    return Planes(pages_there, axes, (_told(path, axes, outer, part.shape, files),))


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
    more = f" and {len(lost) - 1} more files are" if lost[1:] else " is"
    return f" ({lost[0]}{more} not beside it)"


def check_within(file: tifffile.TiffFile, pages: list[Any], path: Path) -> None:
    """Refuse a file that ends before its pixels do."""
    for page in pages:
        if page.parent is file and _end(page) > file.filehandle.size:
            raise InputError(
                f"{path} breaks off within page {page.index + 1}; copy it again."
            )


def _end(page: Any) -> int:
    offsets, counts = page.dataoffsets, list(page.databytecounts)
    key = page.keyframe
    if key.compression == 1 and not key.is_tiled:
        # Some programs count the last strip as long as the others.
        counts[-1] = min(counts[-1], max(0, key.nbytes - sum(counts[:-1])))
    return max(map(operator.add, offsets, counts), default=0)
