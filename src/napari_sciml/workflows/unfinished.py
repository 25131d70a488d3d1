"""The folder beside an output in which a long computation can be gone on with."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from napari_sciml.errors import InputError


def write_plan(path: Path, text: str) -> None:
    """Write a plan, whole or not at all, and safe on the disk when this returns."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    sync(partial)
    os.replace(partial, path)
    sync(path.parent)


def discard(folder: Path, known: Collection[str]) -> None:
    """Throw away what an earlier run left, unless it is none of ours.

    Parameters
    ----------
    folder
        Of the earlier run; may be missing.
    known
        Names of what we write into it.

    Raises
    ------
    InputError
        When there is anything else in it.
    """
    if not folder.exists():
        return
    foreign = [
        path.name
        for path in folder.iterdir()
        if path.name not in known and ".partial" not in path.name
    ]
    if foreign:
        raise InputError(
            f"{folder} holds {min(foreign)!r}, which napari-sciml did not write there; "
            "choose another name for the output."
        )
    shutil.rmtree(folder)


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    folder = path.is_dir()
    try:
        handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    except PermissionError:
        if folder:  # not every system opens folders
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
