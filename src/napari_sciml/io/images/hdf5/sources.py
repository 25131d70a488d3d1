"""Other files that the values of an HDF5 data set come from."""

import os
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.io.images.beside import leads_away
from napari_sciml.io.images.text import listed


def check_sources(data: Any, file: Path, name: str) -> tuple[str, ...]:
    """Refuse raw bytes from outside the folder of a file; tell of other HDF5 files.

    Raw storage can be any file at all, whatever it holds. Links and virtual data sets
    lead to HDF5 files only, and facilities keep scans in folders of their own.

    Parameters
    ----------
    data
        The data set.
    file, name
        Of the file and the data set, for sentences.

    Returns
    -------
    tuple of str
        Cautions.

    Raises
    ------
    InputError
        When bytes are taken from a file that is not beside this one.
    """
    for raw, *_ in data.external or ():
        if leads_away(file, os.fsdecode(raw)):
            raise InputError(
                f"{name} takes its values from {os.fsdecode(raw)}, which is not in the "
                "folder of the file: put both into one folder, or save it as one file."
            )
    away = [one for one in _other_files(data, file) if leads_away(file, one)]
    if not away:
        return ()
    return (
        f"{name} takes its values from {listed(away)}, not from the folder of "
        f"{file.name}; look whether that is meant.",
    )


def _other_files(data: Any, file: Path) -> list[str]:
    """HDF5 files behind a link or a virtual data set, without the file itself."""
    names = [os.fsdecode(data.file.filename)]
    if data.is_virtual:
        beside = Path(names[0]).parent
        sources = (one.file_name for one in data.virtual_sources())
        names += [str(beside / one) for one in sources if one != "."]
    same = file.resolve()
    return sorted({one for one in names if Path(one).resolve() != same})
