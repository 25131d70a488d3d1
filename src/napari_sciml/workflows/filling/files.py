"""Fill the gaps of image files: what the command line runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.result import Filled
from napari_sciml.filling.session import fill_steps
from napari_sciml.images.volume import Volume
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.planes import open_planes
from napari_sciml.io.images.reading import open_gray
from napari_sciml.io.models.image_model import load_image_model, save_image_model
from napari_sciml.io.provenance import json_text, provenance
from napari_sciml.io.results.arrays import imagej_options, save_mask
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say, exhaust, map_progress
from napari_sciml.workflows.filling.profile import plot_profile, radial_profile

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel

FILLED_IMAGE, MASK, STD = "image.tif", "filled.tif", "std.tif"
SUMMARY, PROFILE, PICTURE, MODEL = (
    "summary.json",
    "profile.csv",
    "profile.png",
    "model",
)


def fill_file(
    image: Path,
    out: Path,
    *,
    mask: Path | None = None,
    config: FillConfig | None = None,
    center: Sequence[float] | None = None,
    beamstop: Path | str = "auto",
    model: Path | None = None,
    second: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    report: Report,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Fill an image or a stack, into a folder.

    It gets ``image.tif`` (float32), the mask ``filled.tif`` of what is filled, the
    uncertainty ``std.tif``, ``profile.csv`` and ``profile.png``, ``summary.json`` and,
    where networks learned, ``model``.

    Parameters
    ----------
    image
        Any format of `open_planes`; of a stack each frame is filled.
    out
        Folder to write.
    mask, second
        Files as in `napari_sciml.filling.session.fill_steps`.
    config, center
        As there.
    beamstop
        "auto", "none", or a mask.
    model
        Folder of a model for the task "fill".
    threads
        Of the CPU; all but what the machine needs.
    overwrite
        Replace what another command wrote there.
    report, say
        Told the share that is done; get cautions.

    Returns
    -------
    dict
        The summary, and where it was written.
    """
    files = [image, mask, model, second, _file_of(beamstop)]
    check_output(out, "filling", inputs=files, overwrite=overwrite, folder=True)
    volume = open_planes(image)
    _refuse_color(image)
    for caution in volume.cautions:
        say(caution)
    used = None if model is None else load_image_model(model, "fill")
    config = config or FillConfig()
    if config.method != "symmetry":
        _use_threads(threads)
    data = np.asarray(volume.data)
    steps = fill_steps(
        data,
        _array(mask),
        config=config,
        center=center,
        beamstop=_beamstop(beamstop),
        model=used,
        second=_array(second),
    )
    filled = exhaust(
        map_progress(steps, lambda step: report(step.fraction, step.doing))
    )
    for caution in filled.cautions:
        say(caution)
    about = {
        "image": image,
        "mask": mask or "found",
        "beamstop": beamstop,
        "second": second,
        "model": model,
        "config": config,
    }
    return write_filling(
        filled, data, out, volume=volume, about=about, keep_model=used is None
    )


def write_filling(
    filled: Filled,
    data: np.ndarray,
    out: Path,
    *,
    volume: Volume,
    about: dict[str, Any],
    keep_model: bool = True,
) -> dict[str, Any]:
    """Write all files of a filling, or none; see `fill_file`.

    Parameters
    ----------
    filled, data
        The result, and what was filled.
    out
        Folder to make.
    volume
        Tells the size of a pixel.
    about
        For the record.
    keep_model
        Whether networks are written, too.
    """
    summary = summary_of(filled) | {"cautions": [*volume.cautions, *filled.cautions]}
    table = radial_profile(data, filled)
    size, unit = volume.voxel_size, volume.unit
    with atomic_path(out) as part:
        part.mkdir()
        _write_image(part / FILLED_IMAGE, filled.image, size, unit)
        _write_image(part / STD, filled.std, size, unit)
        save_mask(part / MASK, filled.filled_mask, size, unit)
        table.to_csv(part / PROFILE, index=False)
        plot_profile(table, part / PICTURE)
        if filled.model is not None and keep_model:
            _write_model(filled.model, part / MODEL)
        record = summary | {"provenance": provenance(**about)}
        (part / SUMMARY).write_text(json_text(record, indent=1) + "\n", "utf-8")
    return summary | {"out": str(out)}


def summary_of(filled: Filled) -> dict[str, Any]:
    """Tell what was filled, how, and how well that does where the truth is known."""
    source = np.bincount(filled.source.ravel(), minlength=5)
    return {
        "shape": list(filled.image.shape),
        "method": filled.method,
        "center": [round(float(value), 2) for value in filled.center],
        "gap_pixels": int(filled.gaps.sum()),
        "beamstop_pixels": int(filled.beamstop.sum()),
        "filled_pixels": {
            "around and across the center": int(source[1]),
            "around on the ring": int(source[2]),
            "nearest known pixels": int(source[3]),
            "network": int(source[4]),
        },
        "test": filled.scores,
        "test_errors": filled.errors,
        "tested_places": filled.places,
    }


def _write_model(model: "ImageModel", path: Path) -> None:
    save_image_model(model, path)


def _write_image(
    path: Path, image: np.ndarray, voxel_size: Sequence[float], unit: str
) -> None:
    import tifffile

    options = imagej_options(image.ndim, 1, tuple(voxel_size), unit)
    for key in ("min", "max"):
        del options["metadata"][key]
    pixels = np.asarray(image, np.float32)
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)


def _refuse_color(path: Path) -> None:
    from napari_sciml.images.axes import to_volume
    from napari_sciml.io.images.reading import open_raw

    channels = to_volume(open_raw(path), path).channels
    if channels > 1:
        raise InputError(
            f"{path} has {channels} channels, which are no counts of a detector: give "
            "an image with one value a pixel."
        )


def _array(path: Path | None) -> np.ndarray | None:
    return None if path is None else np.asarray(open_gray(path).data)


def _file_of(beamstop: Path | str) -> Path | None:
    return None if str(beamstop) in ("auto", "none") else Path(beamstop)


def _beamstop(beamstop: Path | str) -> Any:
    if str(beamstop) == "none":
        return None
    return "auto" if str(beamstop) == "auto" else _array(Path(beamstop))


def _use_threads(threads: int | None) -> None:

    from napari_sciml.networks.device import default_threads, use_threads

    use_threads(threads or default_threads())
