"""The journal of strokes: what a crash leaves behind is always a valid beginning."""

import base64
import json
import os
import tracemalloc
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.io.append_log import LineFile, read_lines
from napari_sciml.project.journal import Journal, JournalEntry

SHAPE = (7, 11, 13)
SIZE = 7 * 11 * 13
NOW = datetime(2026, 11, 25, 10, 3, 0, 120_000, tzinfo=UTC)


def entry(revision, indices, values, whole=False):
    change = LabelChange(
        revision, np.asarray(indices, np.int64), np.asarray(values, np.uint8)
    )
    return JournalEntry(change, NOW, whole)


@st.composite
def painting(draw):
    entries = []
    for revision in range(1, draw(st.integers(1, 6)) + 1):
        places = draw(st.sets(st.integers(0, SIZE - 1), max_size=12))
        labels = draw(
            st.lists(st.integers(0, 255), min_size=len(places), max_size=len(places))
        )
        whole = draw(st.booleans())
        entries.append(entry(revision, sorted(places), labels, whole))
    return entries


def same(a, b):
    return (
        (a.change.revision, a.time, a.whole) == (b.change.revision, b.time, b.whole)
        and np.array_equal(a.change.indices, b.change.indices)
        and np.array_equal(a.change.values, b.change.values)
    )


def written(folder, entries):
    path = folder / "strokes.jsonl"
    path.unlink(missing_ok=True)
    Journal(path).append(entries)
    return path


@settings(max_examples=25, deadline=None)
@given(entries=painting(), data=st.data())
def test_cut_off_anywhere_it_is_a_valid_beginning(
    tmp_path_factory, entries, data
) -> None:
    path = written(tmp_path_factory.mktemp("journal"), entries)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    reading = Journal(path).read()
    whole = content[:cut].count(b"\n")
    assert len(reading.entries) == whole
    assert all(map(same, reading.entries, entries))
    assert reading.lost == (0 if content[:cut].endswith(b"\n") or not cut else 1)
    # Painting goes on: what was torn is gone, what is new is there.
    Journal(path).append(entries[-1:])
    again = Journal(path).read()
    assert again.lost == 0
    assert len(again.entries) == whole + 1
    assert same(again.entries[-1], entries[-1])


@settings(max_examples=25, deadline=None)
@given(entries=painting(), data=st.data())
def test_a_changed_byte_is_noticed(tmp_path_factory, entries, data) -> None:
    path = written(tmp_path_factory.mktemp("journal"), entries)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    reading = Journal(path).read()
    assert len(reading.entries) <= bytes(content[:at]).count(b"\n")
    assert reading.lost > 0
    assert all(map(same, reading.entries, entries))


@settings(max_examples=25, deadline=None)
@given(entries=painting())
def test_changes_lead_to_the_labels(tmp_path_factory, entries) -> None:
    reading = Journal(written(tmp_path_factory.mktemp("journal"), entries)).read()
    labels = np.zeros(SHAPE, np.uint8)
    for before, change in zip(entries, reading.changes(SHAPE), strict=True):
        change.apply_to(labels)
        assert np.array_equal(labels, reading.labels(SHAPE, before.change.revision))
        assert change.values.dtype == np.uint8
    assert np.array_equal(labels, reading.labels(SHAPE))
    assert reading.revision == len(entries)
    assert reading.time == NOW


def test_lines_are_plain_json(tmp_path) -> None:
    path = written(tmp_path, [entry(3, [2, 5, 1000], [1, 2, 0])])
    record = json.loads(path.read_text())
    assert record.pop("crc32") > 0
    assert record["revision"] == 3
    assert record["count"] == 3
    assert record["time"] == "2026-11-25T10:03:00.120+00:00"


def test_what_follows_a_broken_line_is_kept_beside(tmp_path) -> None:
    entries = [entry(revision, [revision], [1]) for revision in (1, 2, 3, 4)]
    path = written(tmp_path, entries)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"whole", b"hole!")
    path.write_bytes(b"".join(lines))
    journal = Journal(path)
    assert journal.read().lost == 3
    journal.append([entry(5, [9], [2])])
    assert [e.change.revision for e in journal.read().entries] == [1, 5]
    (beside,) = tmp_path.glob("strokes-damaged-*")
    assert beside.read_bytes() == b"".join(lines[1:])


def test_a_missing_journal_is_empty_and_a_lost_one_is_told(tmp_path) -> None:
    journal = Journal(tmp_path / "strokes.jsonl")
    assert journal.read().entries == ()
    journal.append([entry(1, [1], [1])])
    (tmp_path / "strokes.jsonl").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        journal.append([entry(2, [2], [1])])
    (tmp_path / "away").rename(tmp_path / "strokes.jsonl")
    journal.append([entry(2, [2], [1])])
    assert len(journal.read().entries) == 2


def test_strokes_of_another_image_are_refused(tmp_path) -> None:
    reading = Journal(written(tmp_path, [entry(1, [SIZE], [1])])).read()
    with pytest.raises(InputError, match="do not fit the image"):
        reading.labels(SHAPE)
    with pytest.raises(InputError, match="do not fit the image"):
        list(reading.changes(SHAPE))


@pytest.mark.parametrize(
    "change",
    [{"count": 2**40}, {"indices": "eA=="}, {"values": "!"}, {"time": 3}, {"count": 1}],
    ids=lambda change: next(iter(change)),
)
def test_a_line_that_makes_no_sense_ends_the_reading(tmp_path, change) -> None:
    from napari_sciml.io.append_log import LineFile, read_lines

    path = written(tmp_path, [entry(1, [2, 5], [1, 2]), entry(2, [3], [2])])
    first, second = read_lines(path).records
    path.unlink()
    for record in (first, second):
        record.pop("crc32", None)
    LineFile(path).append([first, {**first, **change}, second])
    reading = Journal(path).read()
    assert [e.change.revision for e in reading.entries] == [1]
    assert reading.lost == 2


def test_thousands_of_strokes_take_little(tmp_path) -> None:
    stroke = np.arange(400, dtype=np.int64) * 3 + 10**9
    entries = [entry(r, stroke + r, np.full(400, 2)) for r in range(1, 3001)]
    path = written(tmp_path, entries)
    assert path.stat().st_size < 3000 * 300
    assert len(Journal(path).read().entries) == 3000


def a_line(tmp_path, **changes):
    """A journal of one entry, of which fields were changed."""
    path = written(tmp_path, [entry(1, [3, 4, 5], [1, 1, 1])])
    (record,) = read_lines(path).records
    path.unlink()
    LineFile(path).append([{**record, **changes}])
    return path


def packed_zeros(size):
    return base64.b64encode(zlib.compress(bytes(size), 9)).decode("ascii")


@pytest.mark.parametrize(
    "changes",
    [
        {"count": -1},
        {"count": 10**30},
        {"count": 10**9},
        {"count": 10**6, "indices": packed_zeros(8 * 10**6)},
        {"indices": packed_zeros(10**8)},
        {"indices": 5},
        {"revision": "x"},
        {"time": 5},
        {"count": [3]},
    ],
    ids=str,
)
def test_claims_cost_no_memory(tmp_path, changes) -> None:
    path = a_line(tmp_path, **changes)
    tracemalloc.start()
    reading = Journal(path).read()
    assert tracemalloc.get_traced_memory()[1] < 3e7
    tracemalloc.stop()
    assert (reading.entries, reading.lost) == ((), 1)


def test_a_change_of_more_voxels_than_there_are_is_refused(tmp_path) -> None:
    path = a_line(tmp_path, count=10**9)
    with pytest.raises(InputError, match="do not fit the image"):
        Journal(path).read(10**6)


def test_labels_of_a_claimed_shape_are_not_made_before_there_is_room(tmp_path) -> None:
    reading = Journal(written(tmp_path, [entry(1, [SIZE], [1])])).read()
    claimed = (10**8, 10**8)
    with pytest.raises(InputError, match=r"needs 10,000\.0 TB of memory"):
        reading.labels(claimed)
    assert len(reading.scribbles(claimed)) == 1


def test_pipes_and_endless_lines_are_no_journals(tmp_path) -> None:
    path = tmp_path / "strokes.jsonl"
    os.mkfifo(path)
    with pytest.raises(InputError, match="not a file"):
        Journal(path).read()
    path.unlink()
    with path.open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(InputError, match="larger than"):
        Journal(path).read()
