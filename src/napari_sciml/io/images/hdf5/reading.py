"""HDF5 files, of which only blocks are read."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.axes import RawImage
from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.images.room import check_room, key_shape, too_large
from napari_sciml.io.images.hdf5.axes import describe_axes
from napari_sciml.io.images.hdf5.gaps import check_stored
from napari_sciml.io.images.hdf5.imaris import imaris_axes, imaris_shape
from napari_sciml.io.images.hdf5.search import find_data_set, image_names
from napari_sciml.io.images.hdf5.sources import check_sources

HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5", ".ims")


CHUNKS = "write the data set in smaller chunks"
SHOWN_AT_ONCE = 8
"""Images of one file that a viewer opens; more are refused, with their names."""


class StoredArray(LazyArray):
    """A data set of an HDF5 file, its axes in another order where that is needed.

    Parameters
    ----------
    data
        The data set.
    name
        Of it, for messages.
    order
        Which axis of the data set each axis is.
    shape
        Of what is used of the data set, from its first element on; all by default.

    Attributes
    ----------
    source
        The data set.
    """

    def __init__(
        self,
        data: Any,
        name: str,
        order: Sequence[int],
        shape: Sequence[int] | None = None,
    ) -> None:
        stored = shape or [data.shape[axis] for axis in order]
        super().__init__(stored, data.dtype)
        self.source = data
        self._name, self._order = name, tuple(order)

    def __deepcopy__(self, memo: object) -> "StoredArray":
        return self  # a layer that is duplicated looks at the same file

    def _read(self, key: Key) -> Any:
        parts = [
            slice(*part.indices(n)) if isinstance(part, slice) else part
            for part, n in zip(key, self.shape, strict=True)
        ]
        asked = dict(zip(self._order, parts, strict=True))
        try:
            values = np.asarray(self.source[tuple(asked[i] for i in sorted(asked))])
        except MemoryError as error:
            raise too_large(
                key_shape(key, self.shape), self.dtype, self._name
            ) from error
        except Exception as error:  # a filter raises whatever broken bytes lead it to
            raise InputError(
                f"{self._name} cannot be read in full and may be damaged "
                f"({first_line(error)}); copy or write it again."
            ) from error
        # Axes of which one element was asked for are gone.
        left = [axis for axis in self._order if isinstance(asked[axis], slice)]
        return values.transpose([sorted(left).index(axis) for axis in left])


def split_hdf5(path: Path) -> tuple[Path, str] | None:
    """File and data set of a path like ``scan.h5/entry/data``; None if it is none.

    The data set is empty where only the file is named.
    """
    for file in (path, *path.parents):
        if file.suffix.lower() in HDF5_SUFFIXES and file.is_file():
            inside = path.relative_to(file).as_posix()
            return file, "" if inside == "." else inside
    return None


def data_sets_of(file: Path) -> list[str]:
    """Data sets to show: the empty name where it is clear which one, or each image.

    Raises
    ------
    InputError
        When there is no image, or more than a viewer should open at once.
    """
    import h5py

    with h5py.File(file, "r") as opened:
        try:
            find_data_set(opened, file, "")
        except InputError:
            names = image_names(opened)
            if not 1 < len(names) <= SHOWN_AT_ONCE:
                raise
            return names
    return [""]


def open_hdf5(file: Path, inside: str = "") -> RawImage:
    """Open a data set, which is then read by blocks.

    Parameters
    ----------
    file
        The file.
    inside
        Name of the data set, or of a group with one; if it is empty, the data set that
        the file calls its default (NeXus), or else the only image in it.

    Raises
    ------
    InputError
        When it is not clear which data set is meant, or it cannot be read in full.
    OSError
        When the file cannot be read.
    """
    import h5py

    with suppress(ImportError):  # brings the compressions of detectors, if it is there
        import hdf5plugin  # type: ignore[import-not-found]  # noqa: F401

    opened = h5py.File(file, "r")
    found = find_data_set(opened, file, inside)
    name = f"{file}/{found.name}"
    outside = check_sources(found.data, file, name)
    if found.data.chunks:
        check_room(
            found.data.chunks, found.data.dtype, f"A chunk of {name}", advice=CHUNKS
        )
    gaps = check_stored(found.data, file, name)
    used = imaris_shape(found.parent)
    if used is None:
        axes = describe_axes(found.data, found.parent, name)
    else:
        axes = imaris_axes(opened, used)
    data = StoredArray(found.data, name, axes.order, used)
    cautions = (*found.cautions, *outside, *gaps, *axes.cautions)
    return RawImage(data, axes.names, axes.spacing, axes.units, cautions)
