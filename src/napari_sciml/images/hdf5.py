"""HDF5 files, of which only blocks are read."""

from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage, guess_axes

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs")
SMALLEST_IMAGE = 2
"""Axes that a data set must have to be taken for an image."""


def split_hdf5(path: Path) -> tuple[Path, str] | None:
    """File and data set of a path like ``scan.h5/entry/data``; None if it is none.

    The data set is empty where only the file is named.
    """
    for file in (path, *path.parents):
        if file.suffix.lower() in HDF5_SUFFIXES and file.is_file():
            inside = path.relative_to(file).as_posix()
            return file, "" if inside == "." else inside
    return None


def open_hdf5(file: Path, inside: str = "") -> RawImage:
    """Open a data set, which is then read by blocks.

    Parameters
    ----------
    file
        The file.
    inside
        Name of the data set; the only image in the file if it is empty.

    Raises
    ------
    InputError
        When it is not clear which data set is meant.
    OSError
        When the file cannot be read.
    """
    import h5py

    opened = h5py.File(file, "r")
    found: list[str] = []

    def remember(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim >= SMALLEST_IMAGE:
            found.append(name)

    opened.visititems(remember)
    if not inside and len(found) == 1:
        inside = found[0]
    if inside not in found:
        names = ", ".join(sorted(found)) or "none"
        example = sorted(found)[0] if found else "data"
        raise InputError(
            f"{file} holds the images {names}; give one of them, like {file}/{example}."
        )
    data = opened[inside]
    return RawImage(data, guess_axes(data.shape), *_spacing(data))


def _spacing(data: Any) -> tuple[dict[str, float], dict[str, str]]:
    """Voxel size as ImageJ and ilastik write it."""
    sizes = data.attrs.get("element_size_um")
    if sizes is None or len(sizes) != len("zyx"):
        return {}, {}
    spacing = {axis: float(size) for axis, size in zip("zyx", sizes, strict=True)}
    return spacing, dict.fromkeys("zyx", "micrometer")
