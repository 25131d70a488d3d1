"""How many strokes of a file were painted before a prediction was shown.

What the labels alone do not tell: the others correct a prediction, and a training cuts
elsewhere then (`napari_sciml.uncertainty.cut`).
"""

import re
from contextlib import suppress
from pathlib import Path

from napari_sciml.json_files import read_object

KEY = "strokes_before_prediction"
NAMED = re.compile(rf"\b{KEY}=(\d{{1,9}})\b")


def strokes_before(path: str | Path) -> int | None:
    """Read the number from labels that we have written.

    Parameters
    ----------
    path
        Of labels: TIFF or OME-Zarr tell, other kinds do not.

    Returns
    -------
    int or None
        None where the file does not tell, and so for files of others.
    """
    path = Path(path)
    with suppress(Exception):  # whatever a foreign file leads a library to
        return _of_zarr(path) if path.is_dir() else _of_tiff(path)
    return None


def _of_tiff(path: Path) -> int | None:
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    import tifffile

    with tifffile.TiffFile(path) as file:
        found = NAMED.search(file.pages.first.description)
    return None if found is None else int(found[1])


def _of_zarr(path: Path) -> int | None:
    attributes = read_object(path / "zarr.json")["attributes"]
    before = attributes["napari_sciml"].get(KEY)
    known = isinstance(before, int) and not isinstance(before, bool) and before >= 0
    return before if known else None
