"""Layers of what is opened: images, and the results of our commands and docks."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.units import METERS, NO_UNIT
from napari_sciml.images.volume import unique
from napari_sciml.io.images.ngff.reading import is_zarr
from napari_sciml.io.images.reading import open_gray
from napari_sciml.io.images.tiff.reading import READ_AT_ONCE, TIFF_SUFFIXES
from napari_sciml.io.images.viewing import open_viewed, parts_of
from napari_sciml.io.results.block_arrays import check_chunks
from napari_sciml.io.results.outputs import kind_of
from napari_sciml.io.results.predictions import OneClass, PredictionStore
from napari_sciml.json_files import read_object
from napari_sciml.plugin.kit.colors import probability_colormap, uncertainty_colormap
from napari_sciml.plugin.layers.images import CAUTIONS, RESULT
from napari_sciml.plugin.layers.layers import legal
from napari_sciml.plugin.state.measures import DEVIATION, MEASURES
from napari_sciml.plugin.state.prediction import STYLE

LayerData = tuple[Any, dict[str, Any], str]

VOLUME = "volume"
"""Key of ``layer.metadata``."""

FIBERS = ("labels.tif", "labels.zarr")
"""What a run of fibers writes beside fibers.csv."""


def open_layers(path: Path) -> list[LayerData]:
    """Open an image, a mask, numbered fibers or a prediction.

    Parameters
    ----------
    path
        A file or a folder; the folder of a run of fibers gives its labels.

    Returns
    -------
    layers
        With name, scale, units and axis labels. ``metadata["cautions"]`` has the
        sentences that a person should know, and ``metadata["volume"]``, where
        commands would take the image as well, the `Volume`.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    labels = _labels_file(path)
    if labels is not None:
        return [_labels(labels)]
    if path.is_dir() and kind_of(path) == "prediction":
        return _prediction(path)
    parts = parts_of(path)
    layers = [_image(part, path) for part in parts]
    for part, (_, options, _) in zip(parts, layers, strict=True):
        if part != path:
            inside = part.relative_to(path).as_posix()
            options["name"] = legal(f"{options['name']} {inside}")
    return layers


def cautions_of(layers: Iterable[LayerData]) -> tuple[str, ...]:
    """What a person should know of layers, each sentence once."""
    return unique(*(options["metadata"][CAUTIONS] for _, options, _ in layers))


def _image(path: Path, file: Path) -> LayerData:
    image = open_viewed(path)
    several = len(image.levels) > 1
    metadata: dict[str, Any] = {CAUTIONS: image.cautions}
    if image.volume is not None:
        metadata[VOLUME] = image.volume
    count = len(image.axes)
    # Those without a name have the number that napari gives them.
    labels = (name or str(axis - count) for axis, name in enumerate(image.axes))
    options = {
        "name": _name(file),
        "metadata": metadata,
        "scale": image.scale,
        "units": image.units,
        "axis_labels": tuple(labels),
        "multiscale": several,
        "rgb": image.rgb,
    }
    return list(image.levels) if several else image.levels[0], options, "image"


def _labels(path: Path) -> LayerData:
    """Labels of ours, in memory where they are not large, so that one can paint."""
    check_chunks(path)
    volume = open_gray(path)
    dtype = np.dtype(volume.data.dtype)
    if dtype.kind not in "bui":
        raise InputError(f"{path} holds {dtype} values; labels are whole numbers.")
    data = volume.data
    if np.prod(volume.shape, dtype=float) * dtype.itemsize <= READ_AT_ONCE:
        data = np.array(data[...], np.uint8 if dtype.kind == "b" else dtype)
    table, told = _of_fibers(path.parent)
    options = {
        "name": path.parent.name if table is not None else _name(path),
        "metadata": {CAUTIONS: unique(volume.cautions, told)},
        **_placed(volume.axes, volume.voxel_size, volume.unit),
    }
    if table is not None:
        options["features"] = table
    return data, options, "labels"


def _of_fibers(folder: Path) -> tuple[Any, tuple[str, ...]]:
    """Measures of each fiber by its number, and the cautions of the run."""
    import pandas as pd

    if not (folder / "fibers.csv").is_file():
        return None, ()
    try:
        table = pd.read_csv(folder / "fibers.csv").rename(columns={"label": "index"})
        record = read_object(folder / "summary.json")
        told = tuple(str(caution) for caution in record.get(CAUTIONS, ()))
    except (OSError, ValueError, AttributeError):  # someone else's, or edited by hand
        return None, ()
    return (table if "index" in table else None), told


def _prediction(path: Path) -> list[LayerData]:
    """Probability and deviation of each class; those of the background are hidden."""
    store = PredictionStore.open(path)
    plan = store.provenance.get("plan")
    told = plan.get(CAUTIONS, ()) if isinstance(plan, Mapping) else ()
    levels = [(store.mean, store.std), *store.coarser]
    place = _placed(store.axes, store.voxel_size, store.unit)
    limits = MEASURES[DEVIATION].limits
    layers = []
    for index, name in enumerate(store.class_names):
        for which, title, colors, range_ in (
            (0, "Probability", probability_colormap(index + 1), (0, 1)),
            (1, "Uncertainty", uncertainty_colormap(), limits),
        ):
            data = [OneClass(level[which], index) for level in levels]
            options = {
                "name": legal(f"{title} {name}"),
                "metadata": {CAUTIONS: tuple(told), RESULT: path.name},
                "visible": index > 0 and title == "Probability",
                "colormap": colors,
                "contrast_limits": range_,
                "multiscale": len(data) > 1,
                "rgb": False,
                **place,
                **STYLE,
            }
            layers.append((data if len(data) > 1 else data[0], options, "image"))
    return layers


def _placed(
    axes: tuple[str, ...], voxel_size: tuple[float, ...], unit: str
) -> dict[str, Any]:
    known = unit if unit in METERS else NO_UNIT
    return {"scale": voxel_size, "units": (known,) * len(axes), "axis_labels": axes}


def _labels_file(path: Path) -> Path | None:
    """The file of labels that a path stands for; None where it is no labels of ours."""
    if path.is_dir() and (path / "fibers.csv").is_file():
        return next((path / n for n in FIBERS if (path / n).exists()), None)
    of_run = path.name in FIBERS and (path.parent / "fibers.csv").is_file()
    if of_run or kind_of(path) == "labels" or _is_unsigned_mask(path):
        return path
    return None


def _is_unsigned_mask(path: Path) -> bool:
    """Whether it is a mask shown from 0 to 1, as we wrote them before we signed."""
    import tifffile

    if path.suffix.lower() not in TIFF_SUFFIXES or not path.is_file():
        return False
    try:
        with tifffile.TiffFile(path) as file:
            about = file.imagej_metadata or {}
            shown = (about.get("min"), about.get("max"))
            return file.pages.first.dtype == np.uint8 and shown == (0.0, 1.0)
    except Exception:  # damaged: whoever opens it as an image says so
        return False


def _name(path: Path) -> str:
    """A name without endings, "scan" of ``scan.ome.zarr``; of a folder, all of it."""
    name = path.name
    if path.is_dir() and not is_zarr(path):
        return name
    for ending in (path.suffix, ".ome"):
        if ending and name.lower() != ending.lower():
            name = name.removesuffix(ending)
    return name
