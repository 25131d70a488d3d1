"""What the header of a numpy file claims, against what is there."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.room import check_stored
from napari_sciml.json_files import check_regular

_READERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check_npy(path: Path) -> None:
    """Refuse a numpy file that is none, holds objects, or less than it claims.

    Raises
    ------
    InputError
        In our own words: those of numpy advise to load it unsafely.
    UnreadableError
        When it is no regular file; a pipe would be waited for without end.
    ValueError
        When the header cannot be parsed.
    """
    check_regular(path)
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
        except ValueError as error:
            raise InputError(
                f"{path} cannot be read: it is no numpy file or a damaged one; copy or "
                "write it again."
            ) from error
        if version not in _READERS:
            return
        shape, _, dtype = _READERS[version](file)
        stored = path.stat().st_size - file.tell()
    if dtype.hasobject:
        raise InputError(
            f"{path} cannot be read: it holds Python objects, which could do anything; "
            "save the numbers themselves."
        )
    check_stored(shape, dtype, stored, path)
