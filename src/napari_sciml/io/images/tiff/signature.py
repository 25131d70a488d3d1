"""Whether two TIFF files of one page are alike, without parsing them.

Parsing takes a thousand times as long as reading a header: minutes for 100,000 slices.
"""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

HEAD = 4096
MOST_KNOWN = 1000
"""Headers that are remembered."""
LONGEST_TAG = 2**16
OFFSETS, COUNTS = (273, 324), (279, 325)
"""Where the strips or tiles lie, and how long they are."""
NO_MATTER = (306,)
"""When a file was written."""
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value, by type of a tag."""
DESCRIPTION = 270
_SHOWN = re.compile(rb"^(min|max)=.*\n?", re.MULTILINE)
"""Gray values that ImageJ shows darkest and brightest: each slice has its own."""


class Signatures:
    """Tells of each file what its header says, but for where the pixels lie.

    What was read of one file is read of the next one, and compared before it is taken
    apart: files of one program mostly have the same there.
    """

    def __init__(self) -> None:
        self._places: tuple[tuple[int, int], ...] = ()
        self._known: dict[tuple[int, bytes], bytes | None] = {}

    def of(self, path: Path) -> bytes | None:
        """Give the signature of a file.

        Returns
        -------
        bytes or None
            Files that have the same hold an image of the same shape, type and size,
            whole. None where this does not tell: other kinds of files, several pages,
            or pixels that are not all there.
        """
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError:
            return None
        try:
            return self._of(handle)
        except (OSError, struct.error, KeyError, ValueError):
            return None
        finally:
            os.close(handle)

    def _of(self, handle: int) -> bytes | None:
        size = os.fstat(handle).st_size
        if self._places:
            key = size, _read(handle, self._places)
            if key in self._known:
                return self._known[key]
        header = _Header(handle)
        found = header.signature()
        if header.places != self._places:
            self._places, self._known = header.places, {}
        if len(self._known) < MOST_KNOWN:
            self._known[size, _read(handle, self._places)] = found
        return found


def _read(handle: int, places: tuple[tuple[int, int], ...]) -> bytes:
    parts = []
    for start, stop in places:
        os.lseek(handle, start, os.SEEK_SET)
        parts.append(os.read(handle, stop - start))
    return b"".join(parts)


def _joined(places: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join parts of a file that overlap or touch."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(places):
        if joined and start <= joined[-1][1]:
            start, stop = joined[-1][0], max(joined.pop()[1], stop)
        joined.append((start, stop))
    return tuple(joined)


@dataclass(frozen=True)
class _Tag:
    code: int
    kind: int
    count: int
    value: bytes


class _Header:
    """Header of an open file, of which little more than the beginning is read."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._seen = [(0, 4)]
        self._head = _read(handle, ((0, HEAD),))
        self._order = {b"II*\0": "<", b"MM\0*": ">"}[self._head[:4]]

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Parts of the file that the signature follows from, beside its size."""
        return _joined(self._seen)

    def signature(self) -> bytes | None:
        """Join the tags that matter, if the file is whole and of one page."""
        tags = self._tags()
        if tags is None or not self._is_whole(tags):
            return None
        kept = [t for t in tags if t.code not in (*OFFSETS, *COUNTS, *NO_MATTER)]
        parts = [struct.pack(">HHI", t.code, t.kind, t.count) + t.value for t in kept]
        return self._order.encode() + b"".join(parts)

    def _tags(self) -> list[_Tag] | None:
        (start,) = self._numbers("I", self._read(4, 4))
        (count,) = self._numbers("H", self._read(start, 2))
        table = self._read(start + 2, 12 * count + 4)
        if len(table) < 12 * count + 4 or any(table[12 * count :]):
            return None
        return [self._tag(table[i : i + 12]) for i in range(0, 12 * count, 12)]

    def _tag(self, entry: bytes) -> _Tag:
        code, kind, count = struct.unpack_from(f"{self._order}HHI", entry)
        size = SIZES[kind] * count
        if size > LONGEST_TAG:
            raise ValueError("a long tag")
        value = entry[8 : 8 + size]
        if size > 4:
            (place,) = self._numbers("I", entry[8:])
            value = self._read(place, size)
            if len(value) < size:
                raise ValueError("a tag beyond the end")
        if code == DESCRIPTION and value.startswith(b"ImageJ="):
            value = _SHOWN.sub(b"", value)
            count = len(value)
        return _Tag(code, kind, count, value)

    def _is_whole(self, tags: list[_Tag]) -> bool:
        found = {
            t.code: self._numbers("H" if t.kind == 3 else "I", t.value)
            for t in tags
            if t.code in (*OFFSETS, *COUNTS)
        }
        size = os.fstat(self._handle).st_size
        offsets = [n for code in OFFSETS for n in found.get(code, ())]
        counts = [n for code in COUNTS for n in found.get(code, ())]
        if not offsets or len(offsets) != len(counts):
            return False
        pairs = zip(offsets, counts, strict=True)
        return all(place and n and place + n <= size for place, n in pairs)

    def _numbers(self, letter: str, values: bytes) -> tuple[int, ...]:
        count = len(values) // struct.calcsize(letter)
        if not count:
            raise ValueError("nothing there")
        return struct.unpack_from(f"{self._order}{count}{letter}", values)

    def _read(self, place: int, count: int) -> bytes:
        self._seen.append((place, place + count))
        if place + count <= len(self._head):
            return self._head[place : place + count]
        os.lseek(self._handle, place, os.SEEK_SET)
        return os.read(self._handle, count)
