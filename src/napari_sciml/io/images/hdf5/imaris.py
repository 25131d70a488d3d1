"""Imaris files, whose data are padded to whole chunks."""

from typing import Any

from napari_sciml.io.images.hdf5.axes import StatedAxes
from napari_sciml.io.images.text import numbers_of, texts_of

SPACE = ("z", "y", "x")


def imaris_shape(parent: Any) -> tuple[int, ...] | None:
    """Voxels along z, y, x of a channel, without the padding; None if it is none.

    Parameters
    ----------
    parent
        Group that the data are in.
    """
    sizes = [_number(parent, f"ImageSize{axis.upper()}") for axis in SPACE]
    known = [int(size) for size in sizes if size]
    return tuple(known) if len(known) == len(SPACE) else None


def imaris_axes(opened: Any, shape: tuple[int, ...]) -> StatedAxes:
    """Axes of a channel, and its voxel size from the extent of the whole."""
    spacing, units = {}, {}
    about = opened.get("DataSetInfo/Image")
    for number, axis in enumerate("xyz" if about is not None else ""):
        low = _number(about, f"ExtMin{number}")
        high = _number(about, f"ExtMax{number}")
        if low is not None and high is not None:
            spacing[axis] = (high - low) / shape[SPACE.index(axis)]
            units[axis] = _characters(about, "Unit") or "um"
    return StatedAxes(SPACE, (0, 1, 2), spacing, units)


def _characters(group: Any, key: str) -> str:
    """An attribute, which Imaris writes as an array of characters."""
    return "".join(texts_of(group.attrs.get(key))).strip()


def _number(group: Any, key: str) -> float | None:
    found = numbers_of(_characters(group, key) or None)
    return found[0] if found else None
