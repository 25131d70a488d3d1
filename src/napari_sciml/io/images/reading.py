"""Open images and annotations, whatever their format."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_sciml.errors import InputError, first_line, system_reason
from napari_sciml.images.axes import RawImage, guess_axes, to_volume
from napari_sciml.images.checks import as_labels
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.hdf5.reading import (
    HDF5_SUFFIXES,
    open_hdf5,
    split_hdf5,
)
from napari_sciml.io.images.label_classes import (
    check_shape,
    gray_or_colors,
    refuse_colors,
)
from napari_sciml.io.images.label_map import LabelMap, mapped
from napari_sciml.io.images.npy_header import check_npy
from napari_sciml.io.images.pictures import (
    INDEX_SUFFIXES,
    LOSSY,
    SUFFIXES,
    open_indices,
    open_picture,
)
from napari_sciml.special_files import refuse_special

ARCHIVES = (
    *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst"),
    *(".7z", ".rar", ".ozx"),
)
LOSSY_LABELS = (
    "{} is a JPEG, which changes values a little, so that some labels may be wrong; "
    "save labels as PNG or TIFF."
)


def open_volume(path: str | Path, *, level: int = 0) -> Volume:
    """Open an image or volume, without reading it whole where possible.

    Parameters
    ----------
    path
        ``.tif``/``.tiff`` (voxel size and unit from OME or ImageJ metadata),
        ``.npy``, a zarr array, an OME-Zarr (0.4 or 0.5, full resolution), a zarr
        group with a single array, a folder of gray TIFF or PNG slices in the order
        of the numbers in their names, or of the files of one OME-TIFF,
        HDF5 where h5py is installed (``scan.h5`` or ``scan.h5/entry/data``), or
        ``.png``/``.jpg``; with the extra ``bioio`` also MRC, NRRD, NIfTI, DICOM,
        CZI, LIF and ND2. It may have an axis of channels: samples of a color image
        (alpha is left out), C of a TIFF, the one named "c" of a zarr, or the last of
        3 or 4 of a ``.npy``.
    level
        Of an OME-Zarr with several resolutions; 0 is the full one.

    Returns
    -------
    Volume
        Axes of length 1 are dropped. The data are memory-mapped or lazy, or numpy
        for compressed TIFF files of up to 256 MiB, PNG and JPEG; a `ChannelImage` of
        those where there are several channels.

    Raises
    ------
    InputError
        When it does not exist, cannot be read, or is no image ``(y, x)`` or
        ``(z, y, x)``.
    """
    return _open(Path(path), level)


def _open(path: Path, level: int = 0, *, indices: bool = False) -> Volume:
    return to_volume(open_raw(path, level=level, indices=indices), path)


def open_raw(path: Path, *, level: int = 0, indices: bool = False) -> RawImage:
    """Open what a file holds, whatever its axes; see `open_volume`.

    With ``indices``, pictures with a palette give its indices, not its colors.
    """
    _check_there(path)
    refuse_special(path)
    opener = _opener(path, level, indices)
    try:
        return opener(path)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # readers raise whatever a broken file leads them to
        raise InputError(
            f"{path} cannot be read and may be damaged ({first_line(error)})."
        ) from error


def _check_there(path: Path) -> None:
    try:
        if path.exists() or split_hdf5(path) is not None:
            return
    except OSError as error:  # no access to its folder, or no name that can be
        raise InputError(
            f"{path} cannot be read ({system_reason(error)}); check the path."
        ) from error
    raise InputError(f"{path} does not exist; check the path.")


def open_gray(path: str | Path) -> Volume:
    """Open what must have one value a voxel: a mask or labels; see `open_volume`.

    Of a picture with a palette, PNG or GIF, the numbers count and not their colors.

    Raises
    ------
    InputError
        Also when there are several channels.
    """
    volume = _open(Path(path), indices=True)
    if volume.channels > 1:
        raise InputError(
            f"{path} has {volume.channels} channels; give a mask or labels with one "
            "value for each voxel."
        )
    return volume


def open_labels(
    path: str | Path,
    like: tuple[int, ...],
    ignore: Sequence[int] = (),
    mapping: LabelMap | None = None,
) -> Volume:
    """Read sparse labels: 0 = not annotated, 1, 2, 3 … = classes.

    Parameters
    ----------
    path
        Any format of `open_volume`, with integers or integral floats. Of a picture
        with a palette, PNG or GIF, the numbers count and not their colors.
    like
        Shape of the image that the labels belong to.
    ignore
        Label values to take for "not annotated", such as a class of doubtful
        voxels that a program added (label 4 of the TRAILMAP training data).
    mapping
        From each value or color to its class: ``{127: 1, 255: 2}`` or
        ``{"#ff0000": 1}``; 0 = not annotated. Colors can be read with it only.

    Returns
    -------
    Volume
        With numpy data, uint8 of shape ``like``.

    Raises
    ------
    InputError
        When the shape differs, a value is not an integer from 0 to 255, or the
        mapping does not name it.
    """
    path = Path(path)
    what = f"The labels in {path}"
    by_color = any(isinstance(key, str) for key in mapping or ())
    volume = _open(path, indices=not by_color)
    check_shape(volume.shape, tuple(like), what)
    labels, color = gray_or_colors(volume, what)
    if len(ignore) and not color:
        labels[np.isin(labels, np.asarray(ignore))] = 0
    cautions = volume.cautions
    if path.suffix.lower() in LOSSY:
        cautions += (LOSSY_LABELS.format(path),)
    if mapping is not None:
        labels = mapped(labels, mapping, what, color=color)
    elif color:
        raise refuse_colors(labels, what)
    advice = "" if mapping else ", or tell the classes with train --map value:class"
    checked = as_labels(labels, what, advice=advice)
    return replace(volume, data=checked, cautions=cautions)


def has_known_ending(path: Path) -> bool:
    """Whether the name of a file ends like that of an image."""
    from napari_sciml.io.images.foreign import foreign_opener
    from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES

    known = (".npy", *TIFF_SUFFIXES, *INDEX_SUFFIXES, *HDF5_SUFFIXES)
    return path.suffix.lower() in known or foreign_opener(path) is not None


def _opener(path: Path, level: int, indices: bool) -> Callable[[Path], RawImage]:
    from napari_sciml.io.images.foreign import foreign_folder, foreign_opener
    from napari_sciml.io.images.ngff.reading import is_zarr, open_zarr
    from napari_sciml.io.images.stacks.reading import files_in, open_folder
    from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES, open_tiff

    if path.is_dir() and is_zarr(path):
        return partial(open_zarr, level=level)
    if level:
        raise InputError(
            f"{path} has one resolution only; a level other than 0 is for an OME-Zarr."
        )
    if path.is_dir():
        has_tiff = bool(files_in(path, TIFF_SUFFIXES))
        return (None if has_tiff else foreign_folder(path)) or open_folder
    in_hdf5 = split_hdf5(path)
    if in_hdf5 is not None:
        return lambda _: open_hdf5(*in_hdf5)
    suffix = path.suffix.lower()
    pictures = dict.fromkeys(SUFFIXES, open_picture)
    if indices:
        pictures = dict.fromkeys(INDEX_SUFFIXES, open_indices)
    by_suffix: dict[str, Callable[[Path], RawImage]] = {
        ".npy": _open_npy,
        **dict.fromkeys(TIFF_SUFFIXES, open_tiff),
        **pictures,
    }
    opener = by_suffix.get(suffix) or foreign_opener(path)
    if opener is None and suffix in ARCHIVES:
        raise InputError(
            f"{path} is an archive; unpack it and give the file or the folder that was "
            "in it."
        )
    if opener is None:
        raise InputError(
            f"{path} is of an unknown kind; give a .tif, .npy, .png, .h5 or .zarr, or "
            "a folder of TIFF files."
        )
    return opener


def _open_npy(path: Path) -> RawImage:
    check_npy(path)
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    return RawImage(data, guess_axes(data.shape))
