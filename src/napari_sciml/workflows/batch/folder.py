"""The folder that the results of many files go into, and what it says of them."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import check_target
from napari_sciml.io.images.hdf5.reading import split_hdf5
from napari_sciml.io.results.batch_record import (
    BATCH_FILE,
    BatchEntry,
    BatchRecord,
    Command,
    read_batch,
    write_batch,
)
from napari_sciml.io.results.outputs import check_apart
from napari_sciml.json_files import UnreadableError
from napari_sciml.workflows.batch.names import unique_names

TABLES = ("fibers.csv", "samples.csv", "report.html")
"""Files that compare all, which no result may be named like."""

OF_ONE = (".zarr", ".tif", ".tiff", ".npy", ".png", ".h5", ".csv", ".json")
"""Endings that promise a single file or zarr."""


@dataclass
class BatchFolder:
    """A folder with a result for each of many files.

    Attributes
    ----------
    path
        Of the folder.
    record
        What is in it, files of earlier calls too.
    names
        Of the files of this call, in order.
    """

    path: Path
    record: BatchRecord
    names: tuple[str, ...]

    @property
    def entries(self) -> list[BatchEntry]:
        """What is known of the files of this call, in order."""
        known = {entry.name: entry for entry in self.record.files}
        return [known[name] for name in self.names]

    def note(self, entry: BatchEntry) -> None:
        """Write down what became of a file.

        Raises
        ------
        InputError
            When that cannot be written.
        """
        self.record = self.record.replaced(entry)
        write_batch(self.path, self.record)


def begin_batch(
    out: Path,
    command: Command,
    images: Sequence[Path],
    *,
    named: Iterable[Path | None] = (),
    ending: str = "",
    resume: bool = False,
    overwrite: bool = False,
) -> BatchFolder:
    """Make the folder, or go on in it, after all checks.

    Parameters
    ----------
    out
        Folder to write: a new or empty one, or one that `command` made.
    command
        Whose results they are.
    images
        A result each.
    named
        What else is read, and the folders that images were found in.
    ending
        Of the names of results.
    resume, overwrite
        Whether there may be results already, to go on with or to do again.

    Raises
    ------
    InputError
        When the folder is, holds or lies in what is read; when something else is in
        it, or results that nobody asked to go on with; when it cannot be written.
    """
    check_apart(out, (*images, *named))
    _check_is_folder_name(out)
    earlier = _earlier(out, command)
    done = sum(entry.state == "done" for entry in earlier.files)
    if earlier.files and not (resume or overwrite):
        raise InputError(
            f"{out} holds the results of an earlier run, {done} of "
            f"{len(earlier.files)} files are done: go on with --resume, do all again "
            "with --overwrite, or choose another folder."
        )
    places = [Path(os.path.abspath(path)) for path in images]
    names = _names(earlier, places)
    known = {entry.image: entry for entry in earlier.files}
    entries = [
        known.get(place) or BatchEntry(image=place, name=name, result=name + ending)
        for place, name in zip(places, names, strict=True)
    ]
    others = [entry for entry in earlier.files if entry.image not in places]
    record = BatchRecord(command=command, files=(*entries, *others))
    write_batch(out, record)
    return BatchFolder(out, record, tuple(names))


def identity(paths: Iterable[Path | None]) -> str:
    """Hash of which bytes inputs have, as sizes and times of their files tell."""
    known = hashlib.sha256()
    for path in paths:
        known.update(b"|")
        for name, size, time in sorted(_files(path)) if path is not None else ():
            known.update(f"{os.fsencode(name)!r} {size} {time};".encode())
    return known.hexdigest()


def bytes_of(path: Path) -> int:
    """Bytes of an input on the disk; 1 at least, and for what is not there."""
    try:
        return max(1, sum(size for _, size, _ in _files(path)))
    except OSError:
        return 1


def _files(path: Path) -> Iterable[tuple[str, int, int]]:
    inside = split_hdf5(path)
    path = path if inside is None else inside[0]
    files = [path]
    if path.is_dir():
        files = [Path(top) / name for top, _, names in os.walk(path) for name in names]
    for file in files:
        found = file.stat()
        yield str(file.relative_to(path)), found.st_size, found.st_mtime_ns


def _check_is_folder_name(out: Path) -> None:
    """Refuse a name that is meant for the result of a single file."""
    if out.suffix.lower() in OF_ONE and not out.is_dir():
        raise InputError(
            f"{out} is a name for the result of one file: give a folder, without such "
            "an ending, for the results of many."
        )


def _earlier(out: Path, command: Command) -> BatchRecord:
    """What an earlier run says; refuses a folder of something else."""
    if not out.is_dir():
        check_target(out, folder=True)
        return BatchRecord(command=command)
    try:
        found = read_batch(out)
    except UnreadableError as error:
        raise InputError(f"{error} Choose another folder.") from error
    if found is None:
        if any(out.iterdir()):
            raise InputError(
                f"{out} is there already and holds something else than results of many "
                "files: choose another folder."
            )
        check_target(out, folder=True)
        return BatchRecord(command=command)
    if found.command != command:
        raise InputError(
            f"{out} holds results of {found.command}: choose another folder for those "
            f"of {command}."
        )
    return found


def _names(record: BatchRecord, places: Sequence[Path]) -> list[str]:
    """Of files that were named before the same, of others what is free."""
    reserved = {BATCH_FILE, *TABLES}
    others = {e.name for e in record.files if e.image not in places}
    taken = {*others, *reserved, *(Path(name).stem for name in reserved)}
    known = {e.image: e.name for e in record.files if e.image in places}
    return unique_names(places, given=known, taken=taken)
