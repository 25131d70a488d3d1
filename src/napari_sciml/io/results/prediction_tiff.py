"""Probabilities as a TIFF, for programs that do not open zarr."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.escape import for_xml, plain
from napari_sciml.images.room import check_room
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.results.arrays import (
    CLASSIC_TIFF_BYTES,
    PROBABILITIES,
    has_resolution,
    imagej_options,
    ome_options,
)
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.progress import Report

ZARR, TIFF = ("", ".zarr"), (".tif", ".tiff")
"""Endings of what predict writes; without one it is a zarr."""

SLAB_BYTES = 2**29
"""Of probabilities that are read at a time, unless a single plane has more."""


@dataclass(frozen=True)
class OutputPlaces:
    """Where a prediction goes.

    Attributes
    ----------
    zarr
        Mean, standard deviation and record; always written, as thresholds need it.
    tiff
        Means alone, for other programs; None where nobody asked for it.
    """

    zarr: Path
    tiff: Path | None = None

    def costs(self, shape: Sequence[int], classes: int) -> list[str]:
        """What the TIFF of an image ``(z, y, x)`` or ``(y, x)`` takes, in words.

        Raises
        ------
        InputError
            When the memory is too small for a TIFF, which is written plane by plane.
        """
        if self.tiff is None:
            return []
        _check_room(self.tiff, shape, classes)
        size = _bytes(shape, classes)
        kind = "for ImageJ" if size < CLASSIC_TIFF_BYTES else "as OME-TIFF"
        return [
            f"The means go to {self.tiff.name} in the end, too, {kind}: up to "
            f"{size / 1e6:.1f} MB more."
        ]

    def write_tiff(self, report: Report | None = None) -> dict[str, str]:
        """Write the TIFF of the finished zarr, if one is wanted; for the summary."""
        if self.tiff is None:
            return {}
        save_probabilities(PredictionStore.open(self.zarr), self.tiff, report)
        return {"tiff": str(self.tiff)}


def output_places(
    out: str | Path, inputs: Sequence[str | Path], *, overwrite: bool = False
) -> OutputPlaces:
    """What a name for the output asks for; makes sure that it can be written.

    Parameters
    ----------
    out
        ``p.zarr`` or a name without an ending: an OME-Zarr. ``p.tif``: the OME-Zarr
        ``p.ome.zarr`` beside it, and the TIFF.
    inputs
        Model and image, which the output must not replace.
    overwrite
        Whether what another program or command wrote may be replaced.

    Raises
    ------
    InputError
        For another ending, names the two there are; and where something is in the way.
    """
    out, kind = Path(out), Path(out).suffix.lower()
    if kind not in ZARR + TIFF:
        raise InputError(
            f"{out} has an ending that probabilities are not written with; use .zarr "
            "(OME-Zarr) or .tif (a TIFF for ImageJ, beside the OME-Zarr)."
        )
    places = OutputPlaces(out)
    if kind in TIFF:
        name = out.stem.removesuffix(".ome") + ".ome.zarr"
        places = OutputPlaces(out.with_name(name), out)
    for place in (places.zarr, places.tiff):
        if place is not None:
            check_output(
                place,
                "prediction",
                inputs=inputs,
                overwrite=overwrite,
                folder=place == places.zarr,
            )
    return places


def check_zarr_name(out: str | Path) -> None:
    """Refuse a name that promises something else than a zarr.

    Raises
    ------
    InputError
        Says how the name should end.
    """
    if Path(out).suffix.lower() not in ZARR:
        raise InputError(
            f"{out} would be an OME-Zarr: let its name end in .zarr; for a TIFF use "
            "the command: napari-sciml predict … --out NAME.tif."
        )


def save_probabilities(
    store: PredictionStore, path: str | Path, report: Report | None = None
) -> None:
    """Write the means of all classes as a TIFF, plane by plane, whole or not at all.

    The axes are ``(z, class, y, x)`` or ``(class, y, x)``, the order of ImageJ's
    hyperstacks; a channel is a class, named in the labels of the slices. Values are
    float32, exactly those of the zarr. Up to 4 GB it is a TIFF for ImageJ, above an
    OME-TIFF (BigTIFF); both say the voxel size.

    Parameters
    ----------
    store
        A finished prediction; may be larger than memory.
    path
        File to write.
    report
        Told the share that is done.

    Raises
    ------
    InputError
        When the prediction cannot be read, the file cannot be written, or a single
        plane of it does not fit into the memory.
    """
    import tifffile

    classes, *depth = len(store.class_names), *store.shape[:-2]
    _check_room(Path(path), store.shape, classes)
    imagej = _bytes(store.shape, classes) < CLASSIC_TIFF_BYTES
    imagej = imagej and has_resolution(store.voxel_size)
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            _planes(store, report),
            shape=(*depth, classes, *store.shape[-2:]),
            dtype=np.float32,
            photometric="minisblack",
            compression="zlib",
            software=PROBABILITIES,
            **(_imagej_options(store) if imagej else _ome_options(store)),
        )


def _bytes(shape: Sequence[int], classes: int) -> int:
    return int(np.prod(shape, dtype=object)) * classes * 4


def _check_room(path: Path, shape: Sequence[int], classes: int) -> None:
    """Planes are held whole: as they are read, and as they are written."""
    read = classes if len(shape) == 3 else 1
    voxel = np.dtype((np.void, 2 * read + 4))
    advice = "take a .zarr, which is written by blocks"
    check_room(shape[-2:], voxel, f"A plane of {path}", advice=advice)


def _planes(store: PredictionStore, report: Report | None) -> Iterator[np.ndarray]:
    """All classes of the first slice, then of the next one."""
    classes, *shape = store.mean.shape
    if len(shape) == 2:
        for index in range(classes):
            yield _read(store, (index,)).astype(np.float32)
        return
    plane = classes * shape[1] * shape[2] * store.mean.dtype.itemsize
    thick = max(1, min(store.mean.chunks[1], SLAB_BYTES // plane))
    for start in range(0, shape[0], thick):
        slab = _read(store, (slice(None), slice(start, start + thick)))
        for z in range(slab.shape[1]):
            for index in range(classes):
                yield slab[index, z].astype(np.float32)
        if report is not None:
            done = min(1.0, (start + thick) / shape[0])
            report(1.0, f"writing the TIFF, {done:.0%}")


def _read(store: PredictionStore, key: tuple[Any, ...]) -> np.ndarray:
    try:
        return np.asarray(store.mean[key])
    except Exception as error:  # a codec raises whatever broken bytes lead it to
        raise InputError(
            "The prediction cannot be read and may be damaged "
            f"({first_line(error)}); predict again."
        ) from error


def _axes(store: PredictionStore) -> str:
    return "ZCYX"[-1 - len(store.shape) :]


def _imagej_options(store: PredictionStore) -> dict[str, Any]:
    names, place = store.class_names, (store.voxel_size, store.unit)
    slices = store.shape[0] if len(store.shape) == 3 else 1
    options = imagej_options(len(store.shape), 1, *place)
    options["metadata"] |= {
        "axes": _axes(store),
        "mode": "grayscale",
        "Labels": [plain(name) for name in names] * slices,
        "Ranges": (0.0, 1.0) * len(names),
    }
    return options


def _ome_options(store: PredictionStore) -> dict[str, Any]:
    options = ome_options(len(store.shape), 1, store.voxel_size, store.unit)
    names = [for_xml(name) for name in store.class_names]
    options["metadata"] |= {"axes": _axes(store), "Channel": {"Name": names}}
    return options
