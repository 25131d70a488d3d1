"""Open TIFF files, and hear what tifffile only logs."""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import tifffile

from napari_sciml.errors import InputError, first_line
from napari_sciml.io.images.beside import leads_away
from napari_sciml.io.images.tiff.chain import check_chain
from napari_sciml.io.images.tiff.size import ome_pixels

_BROKEN_LIST = re.compile(
    "invalid page offset|corrupted tag list|invalid offset to page|circular reference"
    "|invalid value offset"
)
_OF_NO_CONCERN = re.compile(
    r"GDAL|GeoKey|Software|_tags>|uic\w*tag>|imagej_metadata>|subfiletype"
    r"|ImageJ series|shaped series"
    r"|OME series (raised|is missing|failed to read|contains index out of range)"
    r"|MMStack is missing"
)
"""Complaints on tags that are not used here, or that are told in plainer words."""


class Complaints(logging.Handler):
    """What tifffile logs, at warning or above, while this thread reads a file."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message of this thread."""
        # The logger is shared with whoever reads another file at the same time.
        if record.thread == self._thread:
            self.texts.append(record.getMessage())

    def __enter__(self) -> Self:
        tifffile.logger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        tifffile.logger().removeHandler(self)

    def cautions(self, path: Path) -> tuple[str, ...]:
        """One sentence on the first complaint that concerns the pixels."""
        texts = [text for text in self.texts if not _OF_NO_CONCERN.search(text)]
        if not texts:
            return ()
        said = re.sub(r"<tifffile\.[^>]*> ", "", texts[0]).strip().rstrip(".")
        return (
            f"{path.name} is not written as it should be ({said}); compare the image "
            "with what you expect.",
        )


@contextmanager
def parsed(path: Path) -> Iterator[tuple[tifffile.TiffFile, Complaints]]:
    """Open a file whose list of pages is whole, with its series known.

    tifffile only logs when the list breaks off, and gives the pages before that:
    a volume with fewer slices, without an error.

    Raises
    ------
    InputError
        When the list of pages breaks off.
    """
    with Complaints() as complaints:
        file = _with_series(path, complaints)
        with file:
            if any(_BROKEN_LIST.search(text) for text in complaints.texts):
                raise InputError(
                    f"{path} breaks off after page {len(file.pages)}; copy it again."
                )
            yield file, complaints


def _with_series(path: Path, complaints: Complaints) -> tifffile.TiffFile:
    file = tifffile.TiffFile(path)
    try:
        check_chain(file)
        companion = _companion(file, path)
        if companion:
            file.close()
            file = tifffile.TiffFile(path, omexml=companion)
        _check_stays_beside(file, path)
        _check_is_told_of(file)
        return file
    except InputError:
        file.close()
        raise
    except Exception as error:
        file.close()
        return _without_header(path, error, complaints)


def _check_stays_beside(file: tifffile.TiffFile, path: Path) -> None:
    """Refuse a header by which pixels come from a file that is not beside this one.

    Whoever sends an image does not choose which other files of its reader are read.
    """
    if not file.is_ome:
        return
    try:
        root = ElementTree.fromstring(file.ome_metadata or "")
    except ElementTree.ParseError:
        return
    names = {e.get("FileName", "") for e in root.iter() if e.tag.endswith("UUID")}
    for name in sorted(names):
        # What is not there is told of as missing, wherever it would be.
        if (path.parent / name).is_file() and leads_away(path, name):
            raise InputError(
                f"{path} takes pixels from {name}, which is not in its folder: put all "
                "files of the image into one folder, or save it as one file."
            )


def _check_is_told_of(file: tifffile.TiffFile) -> None:
    """Find the series; tifffile drops pages where its own header tells of fewer."""
    planes = sum(len(series) for series in file.series)
    if file.series[0].kind == "shaped" and 1 == planes < len(file.pages):
        raise ValueError(f"it does not tell of the {len(file.pages)} pages")


def _without_header(
    path: Path, error: Exception, complaints: Complaints
) -> tifffile.TiffFile:
    """The pages as they are, where what the header tells of them cannot be followed."""
    bare = tifffile.TiffFile(path)
    flags = [kind for kind in ("ome", "imagej", "shaped", "mmstack") if _is(bare, kind)]
    bare.close()
    kinds: dict[str, Any] = {f"is_{kind}": False for kind in flags}
    file = tifffile.TiffFile(path, **kinds)
    # Only some pages are looked at for this; told so, tifffile looks at all.
    file.is_uniform = False
    try:
        list(file.series)  # tifffile from 2026.5 on looks only when it is asked
    except Exception:
        file.close()
        raise
    for kind in flags:  # what else it tells, such as the voxel size, may be of use
        setattr(file, f"is_{kind}", True)
    if flags:
        complaints.texts.append(f"its header cannot be read: {first_line(error)}")
    return file


def _is(file: tifffile.TiffFile, kind: str) -> bool:
    return bool(getattr(file, f"is_{kind}"))


def _companion(file: tifffile.TiffFile, path: Path) -> str | None:
    """The header of an OME-TIFF that is in a file of its own beside it."""
    if not file.ome_metadata or "BinaryOnly" not in file.ome_metadata:
        return None
    try:
        root = ElementTree.fromstring(file.ome_metadata)
    except ElementTree.ParseError:
        return None
    names = [e.get("MetadataFile", "") for e in root if e.tag.endswith("BinaryOnly")]
    beside = path.parent / Path(names[0]).name if names and names[0] else None
    if beside is None or not beside.is_file():
        return None
    if beside.suffix == ".ome":
        text = beside.read_text(encoding="utf-8", errors="replace")
        return text if ome_pixels(text) else None
    return None
