"""Files of JSON objects, a line each, that only grow and survive a crash."""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MARK = b',"crc32":'
"""Stands before the checksum of all that is left of it in the line."""


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
    """Read as far as nothing is broken; a file that is not there is empty."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return Lines([], 0, 0)
    records, end = [], 0
    lines = content.splitlines(keepends=True)
    for line in lines:
        record = _parsed(line)
        if record is None:
            break
        records.append(record)
        end += len(line)
    return Lines(records, len(lines) - len(records), end)


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
            beside.write_bytes(self.path.read_bytes()[found.end :])
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
        record = json.loads(body + b"}")
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _write_all(file: BinaryIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
