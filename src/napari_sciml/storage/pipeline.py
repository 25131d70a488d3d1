"""The stages on files: what the command line, the demo and a cluster run.

Each function reads files, runs one stage, writes its result under the final name
only when it is whole, and returns a summary that can be written as JSON.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.images.reading import open_gray, open_volume
from napari_sciml.images.volume import Volume
from napari_sciml.storage.atomic import atomic_path, check_target
from napari_sciml.storage.block_arrays import check_chunks
from napari_sciml.storage.fiber_files import FiberResult, write_fibers
from napari_sciml.storage.large_fibers import (
    ClassMean,
    LargeMask,
    fits_in_memory,
    measure_by_blocks,
)
from napari_sciml.storage.results import PredictionStore
from napari_sciml.uncertainty.threshold import ThresholdConfig

Report = Callable[[float, str], None]
"""Called with the share that is done (0 to 1) and a few words."""


def measure_mask(
    mask: Path,
    out: Path,
    config: FiberConfig,
    *,
    image: Path | None = None,
    probability: Path | None = None,
    class_name: str = "fiber",
    voxel_size: str | None = None,
    unit: str | None = None,
    sweep: bool = False,
    block: int | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Turn a mask file into instances, a table, numbers, pictures and a report.

    With ``sweep``, the fibers of the prediction are measured at other thresholds too;
    that needs ``probability``. With ``block``, and where the mask would not fit into
    the memory in one piece, it is read by blocks of that edge; see
    `napari_sciml.storage.large_fibers.measure_by_blocks`.
    """
    from napari_sciml.fibers.instances import label_fibers
    from napari_sciml.fibers.measure import measure_fibers
    from napari_sciml.fibers.summary import summarize

    check_target(out, folder=True)
    if sweep and probability is None:
        raise InputError(
            "The sweep over k and t needs the prediction: give it by --probability."
        )
    check_chunks(mask)
    volume = open_gray(mask)
    size = parse_voxel_size(voxel_size, volume.ndim) or volume.voxel_size
    if len(size) != volume.ndim:
        raise InputError(
            f"The mask has {volume.ndim} axes, but {len(size)} voxel edges were given: "
            f"give one for each of {', '.join(volume.axes)}."
        )
    unit = unit or volume.unit
    report = report or (lambda fraction, note: None)
    background = _same_shape(image, volume.shape)
    confidence = _class_mean(probability, class_name, volume.shape)
    title = f"Fibers of {mask.name}"
    settings = {
        "dust": config.dust_text(unit, volume.ndim),
        "connectivity": config.connectivity,
        "touching fibers": "taken apart" if config.split else "counted as one",
        "napari-sciml": version("napari-sciml"),
    }
    if block is not None or not fits_in_memory(volume.shape):
        _refuse(sweep)
        gray = background and background.data
        return measure_by_blocks(
            LargeMask(volume.data, str(mask), size, unit, gray, confidence),
            out,
            config,
            block=block,
            title=title,
            settings=settings,
            report=report,
        )
    values = _whole(volume.data, str(mask))

    def label(mask: Any) -> np.ndarray:
        return label_fibers(mask, **config.model_dump(), voxel_size=size)

    labels = label(values)
    known = None
    if confidence is not None:
        known = _whole(confidence, str(probability))
    table = measure_fibers(labels, voxel_size=size, probability=known)
    summary = summarize(table, volume.shape, size, unit)
    rows = None
    if sweep and probability is not None:
        rows = _sweep(probability, class_name, label, size, report)
    result = FiberResult(
        labels,
        table,
        summary,
        size,
        unit,
        title=title,
        settings=settings,
        image=_gray(background) if background else values,
        sweep=rows,
    )
    with atomic_path(out) as folder:
        folder.mkdir()
        write_fibers(folder, result)
    return {"folder": str(out), **summary}


def _refuse(sweep: bool) -> None:
    if sweep:
        raise InputError(
            "The sweep over k and t works in one piece only, and this mask is read by "
            "blocks: leave out --sweep, or take a part of the volume."
        )


def _whole(data: Any, name: str) -> np.ndarray:
    """Read all of a mask or a probability."""
    volume = BlockVolume(data, max(data.shape), name)
    return volume.read(volume.regions()[0]).reshape(data.shape)


def _sweep(
    prediction: Path, class_name: str, label: Any, size: Any, report: Report
) -> Any:
    import pandas as pd

    from napari_sciml.fibers.sweep import KS, TS, sweep_rows

    store = PredictionStore.open(prediction)
    index = ThresholdConfig(class_name=class_name).class_index(store.class_names)
    rows: list[Any] = []
    for row in sweep_rows(store.mean[index], store.std[index], label, voxel_size=size):
        rows.append(row)
        report(len(rows) / len(KS) / len(TS), f"k = {row['k']:g}, t = {row['t']:g}")
    return pd.DataFrame(rows)


def parse_voxel_size(text: str | None, ndim: int) -> tuple[float, ...] | None:
    """Read "3,1,1", or one number for all axes."""
    if text is None:
        return None
    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or not all(0 < size < float("inf") for size in sizes):
        raise InputError(
            f"The voxel size {text!r} cannot be read: give positive numbers like 3,1,1."
        )
    return sizes * ndim if len(sizes) == 1 else sizes


def _gray(volume: Volume) -> np.ndarray:
    """What of an image can be shown behind colored labels: the mean of channels."""
    values = np.asarray(volume.data[:])
    return values.mean(-1) if values.ndim > volume.ndim else values


def _same_shape(path: Path | None, shape: tuple[int, ...]) -> Volume | None:
    if path is None:
        return None
    volume = open_volume(path)
    if volume.shape != shape:
        raise InputError(
            f"The mask has the shape {shape}, but {path} has {volume.shape}: give the "
            "image that the mask was made from."
        )
    return volume


def _class_mean(
    path: Path | None, class_name: str, shape: tuple[int, ...]
) -> ClassMean | None:
    if path is None:
        return None
    store = PredictionStore.open(path)
    if store.shape != shape:
        raise InputError(
            f"The mask has the shape {shape}, but the prediction {path} has "
            f"{store.shape}: give the prediction that the mask was made from."
        )
    index = ThresholdConfig(class_name=class_name).class_index(store.class_names)
    return ClassMean(store.mean, index)
