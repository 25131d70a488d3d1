"""Write masks and instance labels so that other programs open them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.escape import for_xml
from napari_sciml.images.units import ascii_unit, unit_symbol
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.results.ngff_metadata import create_level, multiscales

CHUNK = {2: 1024, 3: 128}
CLASSIC_TIFF_BYTES = 2**32 - 2**25
SOFTWARE, PROBABILITIES = "napari-sciml labels", "napari-sciml probabilities"
"""Software tags of the TIFF files that we write: what is in them is no image."""


def save_mask(
    path: str | Path,
    mask: np.ndarray,
    voxel_size: Sequence[float],
    unit: str = "pixel",
) -> None:
    """Write a mask as uint8, 0 and 1; see `save_labels`.

    Parameters
    ----------
    path
        ``.tif``, ``.npy`` or ``.zarr``.
    mask
        Boolean ``(y, x)`` or ``(z, y, x)``.
    voxel_size, unit
        Size along each axis.
    """
    save_labels(path, np.asarray(mask, dtype=bool).view(np.uint8), voxel_size, unit)


def save_labels(
    path: str | Path,
    labels: np.ndarray,
    voxel_size: Sequence[float],
    unit: str = "pixel",
    about: Mapping[str, int] | None = None,
) -> None:
    """Write labels, whole or not at all.

    Parameters
    ----------
    path
        ``.tif``/``.tiff``: for ImageJ where it can hold the values, otherwise
        OME-TIFF. ``.zarr``: OME-Zarr 0.5. ``.npy``: no voxel size.
    labels
        Integers ``(y, x)`` or ``(z, y, x)``.
    voxel_size, unit
        Size along each axis.
    about
        Numbers to keep beside them by a name; ``.npy`` keeps none.

    Raises
    ------
    InputError
        For another extension, or when the file cannot be written.
    """
    path = Path(path)
    write = check_array_suffix(path)
    with atomic_path(path) as temporary:
        write(temporary, np.asarray(labels), tuple(voxel_size), unit, about or {})


def check_array_suffix(path: str | Path) -> Callable[..., None]:
    """Make sure that `save_labels` knows the extension; give its writer.

    Raises
    ------
    InputError
        Names the extensions.
    """
    writers = {".tif": _tiff, ".tiff": _tiff, ".npy": _npy, ".zarr": _zarr}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise InputError(
            f"{path} has no extension that masks and labels are written with; use "
            ".tif, .npy or .zarr."
        )
    return writers[suffix]


def _tiff(
    path: Path,
    labels: np.ndarray,
    voxel_size: tuple[float, ...],
    unit: str,
    about: Mapping[str, int],
) -> None:
    import tifffile

    labels = _smallest(labels)
    small = labels.nbytes < CLASSIC_TIFF_BYTES
    imagej = labels.dtype in (np.uint8, np.uint16) and small
    imagej = imagej and has_resolution(voxel_size)
    highest = int(labels.max(initial=0))
    options = (imagej_options if imagej else ome_options)(
        labels.ndim, highest, voxel_size, unit
    )
    if imagej:
        options["metadata"] |= about
    elif about:
        options["metadata"]["Description"] = " ".join(
            f"{name}={number}" for name, number in about.items()
        )
    tifffile.imwrite(
        path,
        labels,
        photometric="minisblack",
        compression="zlib",
        software=SOFTWARE,
        **options,
    )


def has_resolution(voxel_size: Sequence[float]) -> bool:
    """Whether voxels a length can be written as ImageJ reads them, in 32 bits."""
    return all(1e-9 <= edge <= 1e9 for edge in voxel_size[-2:])


def _smallest(labels: np.ndarray) -> np.ndarray:
    if labels.dtype == np.uint8:
        return labels
    highest = int(labels.max(initial=0))
    return labels.astype(np.uint16 if highest < 2**16 else np.uint32)


def imagej_options(
    ndim: int, highest: int, voxel_size: tuple[float, ...], unit: str
) -> dict[str, Any]:
    """Options of tifffile for what ImageJ opens: labels up to a highest value."""
    *depth, height, width = voxel_size
    metadata = {
        "axes": "".join(SPATIAL_AXES[ndim]).upper(),
        "unit": ascii_unit(unit),
        # ImageJ shows 0 and 1 as black and white with it, not as black and black.
        "min": 0.0,
        "max": float(max(1, highest)),
    }
    if depth:
        metadata["spacing"] = depth[0]
    return {"imagej": True, "resolution": (1 / width, 1 / height), "metadata": metadata}


def ome_options(
    ndim: int, highest: int, voxel_size: tuple[float, ...], unit: str
) -> dict[str, Any]:
    """Options of tifffile for an OME-TIFF."""
    axes = "".join(SPATIAL_AXES[ndim]).upper()
    metadata: dict[str, Any] = {"axes": axes}
    for axis, size in zip(axes, voxel_size, strict=True):
        metadata[f"PhysicalSize{axis}"] = size
        metadata[f"PhysicalSize{axis}Unit"] = for_xml(unit_symbol(unit))
    return {"ome": True, "bigtiff": True, "metadata": metadata}


def _npy(
    path: Path,
    labels: np.ndarray,
    voxel_size: tuple[float, ...],
    unit: str,
    about: Mapping[str, int],
) -> None:
    np.save(path, labels, allow_pickle=False)


def _zarr(
    path: Path,
    labels: np.ndarray,
    voxel_size: tuple[float, ...],
    unit: str,
    about: Mapping[str, int],
) -> None:
    chunks = (CHUNK[labels.ndim],) * labels.ndim
    array = create_labels(
        path, labels.shape, labels.dtype, chunks, voxel_size, unit, about
    )
    array[...] = labels


def create_labels(
    path: Path,
    shape: Sequence[int],
    dtype: Any,
    chunks: Sequence[int],
    voxel_size: Sequence[float],
    unit: str,
    about: Mapping[str, int] | None = None,
) -> Any:
    """Make an OME-Zarr 0.5 for labels; give its array to write all of.

    Its attributes say that every chunk was written, see `check_chunks`.
    """
    import zarr

    axes = SPATIAL_AXES[len(shape)]
    attributes = {
        "napari_sciml": {
            **{"kind": "labels", "version": 1, "every_chunk": True},
            **(about or {}),
        },
        **multiscales(path.stem, axes, voxel_size, unit),
    }
    group = zarr.create_group(str(path), zarr_format=3, attributes=attributes)
    return create_level(
        group, shape=shape, chunks=chunks, dtype=dtype, axes=axes, every_chunk=True
    )
