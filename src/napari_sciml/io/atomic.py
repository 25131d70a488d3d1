"""Results appear under their name when they are whole, or not at all."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_sciml.errors import InputError, system_reason
from napari_sciml.io.workshop import (
    PREVIOUS,
    longest_name_beside,
    make_workshop,
    remove_workshop,
)
from napari_sciml.json_files import read_object

MANIFEST = ".napari-sciml"
"""In a folder that we wrote: the names of what we put there, one a line."""

MAX_NAME_BYTES = 255
"""Of one file or folder, in every usual file system."""

LEAST_ROOM = 2**14
"""Bytes without which nothing is begun: better told now than after hours of work."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


@contextmanager
def atomic_path(final: str | Path) -> Iterator[Path]:
    """Give a temporary path that becomes ``final`` when the block ends well.

    The temporary path has the name of the final one and lies in a hidden folder
    beside it, so on the same file system. Write a file or make a folder there. On
    any exception, KeyboardInterrupt too, it is removed and what was under the
    final name stays as it was.

    Parameters
    ----------
    final
        File or folder to write. Parent folders are made. An older file is
        replaced; an older folder only where we wrote everything in it.

    Yields
    ------
    pathlib.Path
        Does not exist yet.

    Raises
    ------
    InputError
        When ``final`` cannot be written or the disk is full.
    """
    final = Path(final)
    check_target(final)
    target = final.resolve()
    with _told(target):
        workshop = make_workshop(target)
    fresh = workshop / target.name
    try:
        yield fresh
        if not fresh.exists():
            raise RuntimeError(f"nothing was written to {fresh}")
        with _told(final):
            _publish(fresh, target, workshop / PREVIOUS)
    except OSError as error:
        if _is_full(error):
            raise cannot_write(final, error) from error
        raise
    finally:
        remove_workshop(workshop)


def check_target(final: str | Path, *, folder: bool | None = None) -> None:
    """Make sure, before a long computation, that its result can be written.

    Parameters
    ----------
    final
        File or folder to write later.
    folder
        Whether it will be a folder; None where either may come.

    Raises
    ------
    InputError
        When a folder on the way does not let us write, or something is in the
        way that we did not write.
    """
    final = Path(final)
    with _told(final):
        target = resolved(final)
        check_length(target)
        if target.is_dir():
            _check_replaceable(target, final, folder)
        elif target.exists() and folder:
            raise InputError(f"{final} is a file; choose another name for the folder.")
        _check_parent(target, final)


def check_length(final: Path) -> None:
    """Make sure that what is made beside a result, its name and more, can have a name.

    Raises
    ------
    InputError
        When the name is too long.
    """
    room = MAX_NAME_BYTES - longest_name_beside(final)
    if room < 0:
        raise InputError(
            f"{final} has a name that is too long by {-room} bytes for the files that "
            "are made beside it; choose a shorter one."
        )


def resolved(path: Path) -> Path:
    """Follow all links.

    Raises
    ------
    InputError
        When they lead in a circle.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # which one depends on Python's version
        raise InputError(
            f"{path} is a link that leads in a circle; give another path."
        ) from error


def _check_replaceable(target: Path, final: Path, folder: bool | None) -> None:
    if folder is False:
        raise InputError(f"{final} is a folder; give the name of a file.")
    foreign = _foreign(target)
    if foreign is not None:
        raise InputError(
            f"{final} holds {foreign!r}, which napari-sciml did not write there; "
            "choose another folder."
        )


def names_written(folder: Path) -> set[str]:
    """What we put into a folder; empty where it is not ours."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return set()
    return {*manifest.read_text("utf-8").splitlines(), MANIFEST}


def _foreign(folder: Path) -> str | None:
    """Name something in a folder that would be lost and is not ours."""
    ours = names_written(folder)
    if _is_our_zarr(folder):
        ours |= {p.parent.name for p in folder.glob("*/zarr.json")} | {"zarr.json"}
    return min({p.name for p in folder.iterdir()} - ours, default=None)


def _is_our_zarr(folder: Path) -> bool:
    try:
        metadata = read_object(folder / "zarr.json", nan=True)
        return "napari_sciml" in metadata["attributes"]
    except (ValueError, KeyError, TypeError):
        return False


def _check_parent(target: Path, final: Path) -> None:
    parent = next(p for p in target.parents if p.exists())
    if not parent.is_dir():
        raise InputError(
            f"{final} cannot be written because {parent} is a file; choose another "
            "folder."
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(
            f"{final} cannot be written because {parent} is read-only for you; choose "
            "another folder."
        )
    if shutil.disk_usage(parent).free < LEAST_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _publish(fresh: Path, target: Path, backup: Path) -> None:
    if fresh.is_dir():
        _write_manifest(fresh)
    # Again, as minutes may have passed, and now it is known what was written.
    check_target(target, folder=fresh.is_dir())
    if not target.is_dir():
        os.replace(fresh, target)
        return
    try:
        os.rename(target, backup)
        os.rename(fresh, target)
    except BaseException:
        if backup.exists() and not target.exists():
            os.rename(backup, target)
        raise


def _write_manifest(folder: Path) -> None:
    # A zarr says itself that it is ours, and warns of files that it does not know.
    if _is_our_zarr(folder):
        return
    names = sorted(p.name for p in folder.iterdir())
    (folder / MANIFEST).write_text("\n".join(names) + "\n", "utf-8")


@contextmanager
def _told(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(final, error) from error


def cannot_write(final: Path, error: OSError) -> InputError:
    """Say in one sentence why something cannot be written, and what to do."""
    full = _is_full(error)
    no_number = full and error.errno is None
    reason = os.strerror(errno.ENOSPC).lower() if no_number else system_reason(error)
    remedy = "free some space" if full else "choose another folder"
    return InputError(f"{final} cannot be written ({reason}); {remedy}.")


def _is_full(error: OSError) -> bool:
    """Whether there was no room; numpy tells it without a number, in words."""
    told = _SHORT_WRITE.fullmatch(str(error)) if error.errno is None else None
    return told is not None or error.errno in _DISK_FULL
