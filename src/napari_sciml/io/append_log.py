"""Files of JSON objects, a line each, that only grow and survive a crash."""

import json
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from napari_sciml.json_files import UnreadableError, check_regular, parse_object

MARK = b',"crc32":'
"""Stands before the checksum of all that is left of it in the line."""
LONGEST_LINE = 2**28
"""Bytes; the labels of a billion voxels, painted sparsely, have a tenth of it."""
LARGEST = 2**32
"""Bytes of a file: years of painting have some 100 MB."""
PART = 2**20


@dataclass(frozen=True)
class Lines:
    """What such a file holds.

    Attributes
    ----------
    records
        The objects, up to the first line that is broken.
    lost
        Lines that are broken or come after a broken one.
    end
        Bytes up to the first broken line.
    """

    records: list[dict[str, Any]]
    lost: int
    end: int


def read_lines(path: str | Path) -> Lines:
    """Read as far as nothing is broken; a file that is not there is empty.

    Raises
    ------
    InputError
        When it is no regular file, or too large to be one of ours.
    OSError
        When the disk cannot be read.
    """
    path = Path(path)
    try:
        check_regular(path, limit=LARGEST)
    except UnreadableError as error:
        if error.missing:
            return Lines([], 0, 0)
        raise
    records: list[dict[str, Any]] = []
    end = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            record = _parsed(line)
            if record is None:
                break
            records.append(record)
            end += len(line)
        file.seek(end)
        return Lines(records, _count_lines(file), end)


def _count_lines(file: BinaryIO) -> int:
    """Lines from where a file is read, with one that has no end."""
    count, last = 0, b"\n"
    while part := file.read(PART):
        count, last = count + part.count(b"\n"), part[-1:]
    return count + (last != b"\n")


class LineFile:
    """Appends to such a file. There may be only one writer.

    Parameters
    ----------
    path
        Its folder has to exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._end: int | None = None

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write objects to the disk, after what is whole there already.

        What a crash or a full disk has left of a line is cut off first. Lines
        behind a broken one are kept beside the file.

        Raises
        ------
        OSError
            When they could not be written; the next call does not mind.
        """
        if self._end is None:
            self._end = self._mend()
        content = b"".join(_line(record) for record in records)
        with self._open(self._end) as file:
            file.seek(self._end)
            file.truncate()
            _write_all(file, content)
            os.fsync(file.fileno())
        self._end += len(content)

    def _open(self, end: int) -> BinaryIO:
        # Opened each time: what is deleted meanwhile is noticed so. A file that
        # should have something in it must not come back empty.
        mode = "r+b" if end or self.path.exists() else "xb"
        file: BinaryIO = open(self.path, mode, buffering=0)  # type: ignore[assignment]  # noqa: SIM115
        if os.fstat(file.fileno()).st_size < end:
            file.close()
            raise OSError(None, "it is shorter than it was", str(self.path))
        return file

    def _mend(self) -> int:
        found = read_lines(self.path)
        if found.lost > 1:  # more than a line that was being written
            beside = self.path.with_name(f"{self.path.stem}-damaged-at-{found.end}")
            with self.path.open("rb") as source, beside.open("wb") as target:
                source.seek(found.end)
                shutil.copyfileobj(source, target)
        return found.end


def _line(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    body = text.encode("ascii")[:-1]
    return b"%b%b%d}\n" % (body, MARK, zlib.crc32(body))


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None when it is broken."""
    body, mark, checksum = line.rpartition(MARK)
    if not mark or checksum != b"%d}\n" % zlib.crc32(body):
        return None
    try:
        return parse_object(body + b"}")
    except ValueError:
        return None


def _write_all(file: BinaryIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
