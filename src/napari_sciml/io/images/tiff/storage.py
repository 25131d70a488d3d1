"""How the pages of a TIFF file are stored, each for itself."""

import operator
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import tifffile

from napari_sciml.errors import InputError
from napari_sciml.images.room import check_stored

STORING = (256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 338, 339)
"""Tags on width, length, bits, compression, strips, tiles and the like."""

UNPACKS_TO = {1: 4, 5: 4096, 8: 1100, 32773: 64, 32946: 1100}
"""Bytes that one byte can stand for, at most, by kind of compression.

What is not compressed may have colors of a coarser grid. Of LZW a code of 12 bits is
for a string of less than 4,096, deflate copies up to 258 bytes by 2 bits, and PackBits
repeats a byte 128 times by two.
"""


def way_of_storing(page: Any) -> bytes:
    """What the tags of a page tell of it, without parsing them all."""
    if page.is_frame and page.is_virtual:
        return b""
    tiff = page.parent.tiff
    with opened(page.parent.filehandle) as file:
        file.seek(page.offset)
        (count,) = struct.unpack(tiff.tagnoformat, file.read(tiff.tagnosize))
        tags = file.read(count * tiff.tagsize)
    each = [tags[i : i + tiff.tagsize] for i in range(0, len(tags), tiff.tagsize)]
    code = struct.Struct(f"{tiff.byteorder}H").unpack_from
    return b"".join(tag for tag in each if code(tag)[0] in STORING)


def in_full(page: Any) -> Any:
    """A page with all that its own tags tell, where it has some."""
    if page is None or (page.is_frame and page.is_virtual):
        return page
    with opened(page.parent.filehandle):
        return page.aspage()


@contextmanager
def opened(file: tifffile.FileHandle) -> Iterator[tifffile.FileHandle]:
    """Open a file for a moment, where it is closed."""
    closed = file.closed
    if closed:
        file.open()
    try:
        yield file
    finally:
        if closed:
            file.close()


def refuse_missing(promised: int, path: Path) -> NoReturn:
    """Refuse a file of one page that stands for planes which are not all there."""
    raise InputError(
        f"{path} breaks off: its header promises {promised} planes, of which not all "
        "are there; copy it again."
    )


def check_one_kind(pages: list[Any], path: Path) -> None:
    """Refuse pages whose values are not of one shape, type and meaning."""
    kinds = dict.fromkeys(
        f"{page.shape} {page.dtype} {page.bitspersample} bit, {page.photometric.name}"
        for page in pages
        if page is not None
    )
    if len(kinds) > 1:
        raise InputError(
            f"{path} holds pages of different kinds ({'; '.join(kinds)}); save the "
            "ones you mean in a file of their own."
        )


def check_within(pages: list[Any], path: Path) -> None:
    """Refuse a file, or one beside it, that ends before its pixels do."""
    for page in pages:
        file = page.parent.filehandle
        if _end(page) > file.size:
            raise InputError(
                f"{path.with_name(file.name)} breaks off within page "
                f"{page.index + 1}; copy it again."
            )


def check_claims(series: Any, path: Path) -> None:
    """Refuse pages whose compressed bytes cannot unpack to what their header claims."""
    page = series.keyframe
    counts = page.databytecounts
    ratio = UNPACKS_TO.get(int(page.compression))
    if ratio is None or page.dtype is None or not all(counts):
        return
    bits = page.bitspersample if isinstance(page.bitspersample, int) else 8
    widened = max(1.0, page.dtype.itemsize * 8 / max(1, bits))
    check_stored(page.shape, page.dtype, sum(counts), path, ratio=ratio * widened)


def _end(page: Any) -> int:
    offsets, counts = page.dataoffsets, list(page.databytecounts)
    key = page.keyframe
    if counts and key.compression == 1 and not key.is_tiled:
        # Some programs count the last strip as long as the others.
        counts[-1] = min(counts[-1], max(0, key.nbytes - sum(counts[:-1])))
    return max(map(operator.add, offsets, counts), default=0)


def caution_of_holes(pages: list[Any], path: Path) -> tuple[str, ...]:
    """Tell of pages that were written in part only: the rest is read as black."""
    torn = [str(page.index + 1) for page in pages if not all(page.databytecounts)]
    if not torn:
        return ()
    first = ", ".join(torn[:3]) + (", …" if torn[3:] else "")
    return (
        f"{path.name} holds no pixels for parts of {len(torn)} of {len(pages)} pages "
        f"({first}); they are black.",
    )
