"""Files of electron microscopes, scanners and makers of light microscopes.

Their readers are packages of the extra ``bioio``, imported when such a file comes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage
from napari_sciml.images.lazy import without_callbacks
from napari_sciml.io.images.dicom import SUFFIXES as DICOM_SUFFIXES
from napari_sciml.io.images.dicom import is_series, open_dicom, open_series
from napari_sciml.io.images.hdf5.reading import StoredArray

EXTRA = "napari-sciml[bioio]"
_NRRD_KINDS = {
    "time": "t",
    **dict.fromkeys(("rgb-color", "rgba-color"), "s"),
    **dict.fromkeys(("list", "vector", "point", "hsv-color"), "c"),
}
SQUARE = 1e-3
"""Cosine of an angle between two axes that is no rounding error."""


def foreign_opener(path: Path) -> Callable[[Path], RawImage] | None:
    """What opens a file of these kinds, by the ending of its name; None if none.

    What it gives raises InputError where the package that it needs is missing.
    """
    name = path.name.lower()
    for kind, (endings, opener) in _KINDS.items():
        if name.endswith(endings):
            return lambda file: _opened(opener, file, kind)
    return None


def foreign_folder(path: Path) -> Callable[[Path], RawImage] | None:
    """The same for a folder with a file for each slice."""
    if not is_series(path):
        return None
    return lambda folder: _opened(open_series, folder, DICOM)


def _opened(opener: Callable[[Path], RawImage], path: Path, kind: str) -> RawImage:
    try:
        return opener(path)
    except ImportError as error:
        raise InputError(
            f'{path} is of {kind}; pip install "{EXTRA}" brings what reads it, '
            "or save it as OME-TIFF."
        ) from error


def _open_mrc(path: Path) -> RawImage:
    """Memory-mapped; axes by the header, sizes in angstrom."""
    import mrcfile

    with mrcfile.open(path, mode="r", header_only=True) as header_only:
        header = header_only.header
        order = [int(header[key]) for key in ("maps", "mapr", "mapc")]
        sizes = {axis: float(header_only.voxel_size[axis]) for axis in "zyx"}
    mapped = path.suffix.lower() not in (".gz", ".bz2")
    data = (mrcfile.mmap(path, mode="r") if mapped else mrcfile.open(path)).data
    letters = ["xyz"[number - 1] for number in order] if any(order) else list("zyx")
    names = (*(f"axis {i}" for i in range(data.ndim - 3)), *letters[-data.ndim :])
    if not any(sizes.values()):
        return _in_order(data, names, path)
    cautions: tuple[str, ...] = ()
    if set(sizes.values()) == {1.0}:
        cautions = (
            f"{path.name} states voxels of 1 Å, as programs write that do not know "
            "the size; give it by --voxel-size and --unit if it is another.",
        )
    units = dict.fromkeys(sizes, "angstrom")
    return _in_order(data, names, path, sizes, units, cautions)


def _open_nrrd(path: Path) -> RawImage:
    """Read whole; the fastest axis of space is x, others by what they are kinds of."""
    import nrrd

    data, header = nrrd.read(str(path), index_order="C")
    count = data.ndim
    kinds = [str(kind).lower() for kind in header.get("kinds", ["domain"] * count)]
    letters = iter("xyz")
    names = [
        _NRRD_KINDS[kind] if kind in _NRRD_KINDS else next(letters, f"axis {i}")
        for i, kind in enumerate(kinds)
    ]
    sizes, cautions = _nrrd_sizes(header, names, path)
    units = header.get("space units")
    per_axis = dict(zip(names, header.get("units") or (), strict=False))
    if units is not None:
        per_axis = dict.fromkeys(names, str(units[0])) if len(set(units)) == 1 else {}
    named = {axis: str(per_axis[axis]) for axis in sizes if per_axis.get(axis)}
    return _in_order(data, names[::-1], path, sizes, named, cautions)


def _nrrd_sizes(
    header: Any, names: Sequence[str], path: Path
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Voxel edges: lengths of the directions of the axes, or spacings."""
    along = [i for i, axis in enumerate(names) if axis in "zyx"]
    directions = header.get("space directions")
    if directions is None:
        spacings = header.get("spacings")
        if spacings is None:
            return {}, ()
        return {names[i]: float(spacings[i]) for i in along}, ()
    rows = np.array([np.asarray(directions[i], float) for i in along])
    edges = np.linalg.norm(rows, axis=1)
    cosines = (rows @ rows.T) / np.outer(edges, edges) - np.eye(len(rows))
    sheared = bool(np.nanmax(np.abs(cosines), initial=0.0) > SQUARE)
    caution = (
        f"{path.name} has axes that are not at right angles; they are taken as if "
        "they were.",
    )
    sizes = {names[i]: float(e) for i, e in zip(along, edges, strict=True)}
    return sizes, caution if sheared else ()


class _Scaled:
    """Values of a NIfTI file with its slope, of the type that they then have."""

    def __init__(self, proxy: Any) -> None:
        self.shape = proxy.shape
        self._proxy = proxy
        first = (slice(0, 1),) * len(proxy.shape)
        self.dtype = np.asanyarray(proxy[first]).dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.asanyarray(self._proxy[key])


def _open_nifti(path: Path) -> RawImage:
    """Read by blocks, scaled as the header tells."""
    import nibabel

    image = nibabel.load(path)
    more = (f"axis {i}" for i in range(5, 8))
    names = [*"xyztc", *more][: len(image.shape)]
    zooms = image.header.get_zooms()
    unit = image.header.get_xyzt_units()[0]
    sizes = {axis: float(n) for axis, n in zip(names, zooms, strict=False)}
    sizes = {axis: size for axis, size in sizes.items() if axis in "zyx"}
    units = {} if unit == "unknown" else dict.fromkeys(sizes, str(unit))
    return _in_order(_Scaled(image.dataobj), names, path, sizes, units)


def _open_bioio(path: Path) -> RawImage:
    """The only scene, read by blocks where the reader can; sizes in micrometers."""
    from bioio import BioImage

    image = BioImage(path)
    count = max(len(image.scenes), _scenes_of_czi(path))
    if count > 1:
        raise InputError(
            f"{path} holds {count} scenes; save the one you mean in a file of its own."
        )
    found = image.physical_pixel_sizes
    told = {"z": found.Z, "y": found.Y, "x": found.X}
    sizes = {axis: float(size) for axis, size in told.items() if size is not None}
    units = dict.fromkeys(sizes, "micrometer")
    data = without_callbacks(image.dask_data)
    return _in_order(data, image.dims.order.lower(), path, sizes, units)


def _scenes_of_czi(path: Path) -> int:
    """Scenes with pixels; bioio counts those that the metadata name, and reads one."""
    if path.suffix.lower() != ".czi":
        return 0
    from pylibCZIrw import czi

    with czi.open_czi(str(path)) as opened:
        return len(opened.scenes_bounding_rectangle)


def _in_order(
    data: Any,
    names: Sequence[str],
    path: Path,
    sizes: dict[str, float] | None = None,
    units: dict[str, str] | None = None,
    cautions: tuple[str, ...] = (),
) -> RawImage:
    """The axes in the usual order, whatever that of the file is."""
    known = "tczyx"
    places = [known.find(name) for name in names]
    order = tuple(sorted(range(len(names)), key=lambda i: places[i]))
    axes = tuple(names[i] for i in order)
    stored = StoredArray(data, str(path), order)
    there = {axis: size for axis, size in (sizes or {}).items() if axis in axes}
    return RawImage(stored, axes, there, units or {}, cautions)


DICOM = "the kind DICOM"
_BIOIO = (".czi", ".lif", ".nd2")
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Path], RawImage]]] = {
    "electron microscopy (MRC)": (
        (".mrc", ".mrc.gz", ".mrc.bz2", ".rec", ".map", ".st", ".ali"),
        _open_mrc,
    ),
    "the kind NRRD": ((".nrrd", ".nhdr"), _open_nrrd),
    "the kind NIfTI": ((".nii", ".nii.gz"), _open_nifti),
    DICOM: (DICOM_SUFFIXES, open_dicom),
    "a light microscope (CZI, LIF, ND2)": (_BIOIO, _open_bioio),
}
