"""All that was ever painted, in the order in which it was painted."""

import base64
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.room import check_room
from napari_sciml.io.append_log import LineFile, read_lines

DEFLATED = 1032
"""Bytes that one byte of zlib's format can stand for at most."""
BYTES_A_VOXEL = 4 * 8 + 1
"""While a change is read: its steps, unpacked and added up, and its values."""
DAMAGED = "close other programs, or check whether the project is damaged"


@dataclass(frozen=True)
class JournalEntry:
    """A change of the annotation, and when it came.

    Attributes
    ----------
    change
        Voxels and their new labels.
    time
        With a time zone.
    whole
        Whether all voxels that are not named have no label: the beginning, or an
        annotation that was put in the place of another one.
    """

    change: LabelChange
    time: datetime
    whole: bool = False


@dataclass(frozen=True)
class JournalReading:
    """What a journal tells.

    Attributes
    ----------
    entries
        The oldest first.
    lost
        Lines at the end that cannot be read, as after a crash.
    """

    entries: tuple[JournalEntry, ...]
    lost: int = 0

    @property
    def revision(self) -> int:
        """Of the annotation at the end; 0 where there is none."""
        return self.entries[-1].change.revision if self.entries else 0

    @property
    def time(self) -> datetime | None:
        """Of the last change."""
        return self.entries[-1].time if self.entries else None

    def changes(self, shape: Sequence[int]) -> Iterator[LabelChange]:
        """The entries as changes of an annotation that was empty at first.

        An entry that is ``whole`` also erases then what it does not name.

        Parameters
        ----------
        shape
            Of the annotation.

        Raises
        ------
        InputError
            When an entry does not fit into the shape.
        """
        labels = Scribbles.empty(shape)
        for entry in self.entries:
            change = entry.change
            _check_inside(change, math.prod(labels.shape))
            if entry.whole:
                erased = np.zeros_like(labels.values)
                before = LabelChange(change.revision, labels.indices, erased)
                change = merged([before, change])
            labels = labels.changed(change)
            yield change

    def labels(self, shape: Sequence[int], revision: int | None = None) -> np.ndarray:
        """The annotation, uint8, at the end or as it was at a revision.

        Raises
        ------
        InputError
            When an entry does not fit into the shape.
        """
        found = self.scribbles(shape, revision)
        check_room(
            found.shape, np.uint8, "The annotation of the project", advice=DAMAGED
        )
        return found.to_dense()

    def scribbles(self, shape: Sequence[int], revision: int | None = None) -> Scribbles:
        """The labeled voxels, at the end or as they were at a revision.

        Takes as much memory as was painted, however large the image is.

        Raises
        ------
        InputError
            When an entry does not fit into the shape.
        """
        empty, changes = Scribbles.empty(shape), list[LabelChange]()
        for entry in self.entries:
            if revision is not None and entry.change.revision > revision:
                break
            _check_inside(entry.change, math.prod(empty.shape))
            changes = [entry.change] if entry.whole else [*changes, entry.change]
        return empty.changed(merged(changes)) if changes else empty


class Journal:
    """The file ``strokes.jsonl``: a line for each change.

    A line is a JSON object with ``revision``, ``time`` (ISO 8601, UTC), ``whole``,
    ``count`` (voxels), ``indices`` (differences of the sorted flat places, int64,
    the first one from 0), ``values`` (uint8) and a ``crc32`` of the line; both
    arrays little-endian, deflated by zlib, in base64.

    Parameters
    ----------
    path
        Of the file; its folder has to exist.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = LineFile(path)

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Put changes onto the disk; all in one go, as each go waits for the disk.

        Raises
        ------
        OSError
            When they could not be written; none of them is there then.
        """
        self._file.append([_encoded(entry) for entry in entries])

    def read(self, voxels: int | None = None) -> JournalReading:
        """Read all up to the first line that is broken.

        Parameters
        ----------
        voxels
            Of the annotation: no change has more.

        Raises
        ------
        InputError
            When the file is none of ours, or the strokes are for a larger image or
            for more memory.
        """
        lines = read_lines(self._file.path)
        entries: list[JournalEntry] = []
        for record in lines.records:
            try:
                entries.append(_decoded(record, voxels))
            except InputError:
                raise
            except (KeyError, ValueError, TypeError, OverflowError, zlib.error):
                break
        return JournalReading(
            tuple(entries), lines.lost + len(lines.records) - len(entries)
        )


def _encoded(entry: JournalEntry) -> dict[str, Any]:
    change = entry.change
    if len(change.indices) != len(change.values):
        raise ValueError("a label change needs as many values as indices")
    steps = np.diff(np.asarray(change.indices, "<i8"), prepend=0).astype("<i8")
    return {
        "revision": int(change.revision),
        "time": entry.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "whole": entry.whole,
        "count": len(change),
        "indices": _packed(steps.tobytes()),
        "values": _packed(np.asarray(change.values, np.uint8).tobytes()),
    }


def _decoded(record: Mapping[str, Any], voxels: int | None) -> JournalEntry:
    count = int(record["count"])
    if voxels is not None and count > voxels:
        raise _unfit()
    steps = np.frombuffer(_unpacked(record["indices"], 8 * count), "<i8")
    values = np.frombuffer(_unpacked(record["values"], count), np.uint8)
    indices = np.cumsum(steps, dtype=np.int64)
    if count and (indices[0] < 0 or np.any(steps[1:] <= 0)):
        raise ValueError("the places are not sorted")
    return JournalEntry(
        LabelChange(int(record["revision"]), indices, values),
        datetime.fromisoformat(record["time"]),
        bool(record["whole"]),
    )


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 6)).decode("ascii")


def _unpacked(text: str, size: int) -> bytes:
    packed = base64.b64decode(text, validate=True)
    if not 0 <= size <= DEFLATED * len(packed):
        raise ValueError(f"{size} bytes cannot be in {len(packed)}")
    shape = (BYTES_A_VOXEL * size // 8,)
    check_room(shape, np.uint8, "A change of the annotation", advice=DAMAGED)
    # One byte more than is right: too long is told from right, and never huge.
    content = zlib.decompressobj().decompress(packed, size + 1)
    if len(content) != size:
        raise ValueError(f"{len(content)} bytes instead of {size}")
    return content


def _check_inside(change: LabelChange, size: int) -> None:
    if len(change) and int(change.indices[-1]) >= size:
        raise _unfit()


def _unfit() -> InputError:
    return InputError(
        "The strokes do not fit the image that the project names: it belongs to "
        "another image, or is damaged."
    )
