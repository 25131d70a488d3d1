"""What napari's File > Open gives to us: images with their voxel size, our results.

Nothing heavy is imported here: napari asks for every file and folder.
"""

import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

LayerData = tuple[Any, ...]
Reader = Callable[[Any], list[LayerData]]

OURS = "napari-sciml"
FILES = (".tif", ".tiff", ".h5", ".hdf5", ".hdf", ".nxs", ".nx5", ".ims", ".zarr")
"""Endings of what we read; pictures and .npy have no voxel size: napari reads them."""
SLICES = (".tif", ".tiff", ".png", ".bmp", ".jpg", ".jpeg")
INSIDE = ("zarr.json", ".zarray", ".zgroup", ".zattrs", "fibers.csv")
"""Names of files that tell what a folder is."""
LOOKED_AT = 1000
"""Files of a folder that are looked at before it is left to others."""
NOTHING: list[LayerData] = [(None,)]
"""Napari's sign for a file that was dealt with and gave no layer."""


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Tell whether a path is for us; only names are looked at.

    Parameters
    ----------
    path
        A file or a folder; a list of several is to be stacked, which is left to napari.

    Returns
    -------
    function or None
        Takes the path and gives layer data tuples, lazily where the file is large.
    """
    one = _only_path(path)
    return _read if one is not None and _is_for_us(one) else None


def open_once(viewer: Any, path: Path) -> None:
    """Open an image or a result in a viewer, unless it is open already.

    Raises
    ------
    Exception
        Whatever a reader of napari raises.
    """
    if str(path) not in {layer.source.path for layer in viewer.layers}:
        viewer.open(str(path), plugin=OURS if _is_for_us(path) else None)


def _read(path: str | Sequence[str]) -> list[LayerData]:
    """Open a path; what cannot be opened is told in one sentence, and no layer comes.

    Parameters
    ----------
    path
        One that `get_reader` took.
    """
    from napari.utils.notifications import show_error, show_warning

    from napari_sciml.errors import InputError, first_line
    from napari_sciml.plugin.opened import cautions_of, open_layers

    one = _only_path(path)
    assert one is not None
    try:
        layers = open_layers(one)
    except InputError as error:
        show_error(str(error))
        return NOTHING
    except Exception as error:  # readers raise whatever a broken file leads them to
        show_error(f"{one} cannot be read and may be damaged ({first_line(error)}).")
        return NOTHING
    for caution in cautions_of(layers):
        show_warning(caution)
    return list(layers)


def _only_path(path: str | Sequence[str]) -> Path | None:
    if isinstance(path, str | os.PathLike):
        return Path(path)
    return Path(path[0]) if len(path) == 1 else None


def _is_for_us(path: Path) -> bool:
    if path.suffix.lower() in FILES:
        return True
    if not path.is_dir():
        return False
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in islice(entries, LOOKED_AT)]
    except OSError:
        return False
    slices = (name for name in names if not name.startswith("."))
    return not set(names).isdisjoint(INSIDE) or any(
        name.lower().endswith(SLICES) for name in slices
    )
