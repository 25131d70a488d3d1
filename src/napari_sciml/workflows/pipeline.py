"""The stages on files: what the command line, the demo and a cluster run.

Each function reads files, runs one stage, writes its result under the final name
only when it is whole, and returns a summary that can be written as JSON.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.executor import Start
from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.images.gray import as_gray
from napari_sciml.images.lazy import Reopened
from napari_sciml.images.volume import unique
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.reading import open_gray, open_volume
from napari_sciml.io.images.stacks.stated_size import StatedSize
from napari_sciml.io.results.block_arrays import check_chunks
from napari_sciml.io.results.fiber_files import (
    FiberResult,
    instance_settings,
    write_fibers,
)
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.predictions import OneClass, PredictionStore
from napari_sciml.io.results.voxel_size import choose_voxel_size
from napari_sciml.progress import Report, Say
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.measuring.files import (
    GivenMask,
    fits_in_memory,
    measure_by_blocks,
)


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
    overwrite: bool = False,
    say: Say = lambda _: None,
    report: Report | None = None,
    start: Start | None = None,
) -> dict[str, Any]:
    """Turn a mask file into instances, a table, numbers, pictures and a report.

    Where the mask states no voxel size, that of the image or the prediction is taken;
    ``unit`` converts it, or names that of a ``voxel_size`` that is given. With
    ``sweep``, the fibers of the prediction are measured at other thresholds too;
    that needs ``probability``. With ``block`` or ``start``, and where the mask would
    not fit into the memory in one piece, it is read by blocks of that edge; see
    `napari_sciml.workflows.measuring.files.measure_by_blocks`.
    """
    check_output(
        out,
        "fibers",
        inputs=(mask, image, probability),
        overwrite=overwrite,
        folder=True,
    )
    if sweep and probability is None:
        raise InputError(
            "The sweep over k and t needs the prediction: give it by --probability."
        )
    check_chunks(mask)
    prediction = _prediction(probability, class_name)
    given = _given(
        mask, image, prediction, probability, voxel_size=voxel_size, unit=unit
    )
    for caution in given.cautions:
        say(caution)
    report = report or (lambda fraction, note: None)
    if block or start or not fits_in_memory(given.mask.shape):
        _refuse(sweep)
        found = measure_by_blocks(
            given, out, config, block=block, report=report, start=start
        )
    else:
        found = _measure_whole(
            given, prediction, out, config, sweep=sweep, report=report
        )
    return {
        "dropped": config.dropped_text(given.unit, len(given.mask.shape)),
        **found,
        "cautions": list(given.cautions),
    }


def _given(
    mask: Path,
    image: Path | None,
    prediction: "_Prediction | None",
    probability: Path | None,
    *,
    voxel_size: str | None,
    unit: str | None,
) -> GivenMask:
    """Open what belongs together, and make sure that it does."""
    volume = open_gray(mask)
    background = None if image is None else open_volume(image)
    store = None if prediction is None else prediction.store
    beside = [
        (path, one)
        for path, one in ((image, background), (probability, store))
        if path is not None and one is not None
    ]
    for path, one in beside:
        _check_shape(path, one.shape, volume.shape)
    size, doubts = choose_voxel_size(
        StatedSize.of(volume, mask),
        [StatedSize.of(one, path) for path, one in beside],
        volume.axes,
        voxel_size=voxel_size,
        unit=unit,
    )
    of_image = background.cautions if background else ()
    return GivenMask(
        Reopened(volume.data, open_mask, mask.absolute()),
        str(mask),
        f"Fibers of {mask.name}",
        size.voxel_size,
        size.unit,
        background and background.data,
        prediction and prediction.mean,
        unique(volume.cautions, of_image, doubts),
    )


def open_mask(path: Path) -> Any:
    """Open the voxels of a mask."""
    return open_gray(path).data


def open_class(path: Path, index: int) -> OneClass:
    """Open the probability of a class."""
    return OneClass(PredictionStore.open(path).mean, index, np.float32)


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


@dataclass(frozen=True)
class _Prediction:
    """One class of a prediction on the disk."""

    store: PredictionStore
    index: int
    name: str

    @property
    def mean(self) -> Reopened:
        source = OneClass(self.store.mean, self.index, np.float32)
        return Reopened(source, open_class, Path(self.name).absolute(), self.index)

    def sweep(self, label: Any, size: Any, report: Report) -> Any:
        import pandas as pd

        from napari_sciml.fibers.statistics.sweep import KS, TS, sweep_rows

        mean = _whole(OneClass(self.store.mean, self.index), self.name)
        std = _whole(OneClass(self.store.std, self.index), self.name)
        rows: list[Any] = []
        for row in sweep_rows(mean, std, label, voxel_size=size):
            rows.append(row)
            note = f"k = {row['k']:g}, t = {row['t']:g}"
            report(len(rows) / len(KS) / len(TS), note)
        return pd.DataFrame(rows)


def _measure_whole(
    given: GivenMask,
    prediction: _Prediction | None,
    out: Path,
    config: FiberConfig,
    *,
    sweep: bool,
    report: Report,
) -> dict[str, Any]:
    from napari_sciml.fibers.geometry.measure import measure_fibers
    from napari_sciml.fibers.segmentation.instances import label_fibers
    from napari_sciml.fibers.statistics.summary import summarize

    values, size = _whole(given.mask, given.name), given.voxel_size
    known = rows = None
    if prediction is not None:
        known = _whole(prediction.mean, prediction.name)

    def label(mask: Any) -> np.ndarray:
        settings = config.model_dump()
        return label_fibers(mask, **settings, voxel_size=size, probability=known)

    labels = label(values)
    table = measure_fibers(labels, voxel_size=size, probability=known)
    summary = summarize(table, labels.shape, size, given.unit)
    if sweep and prediction is not None:
        rows = prediction.sweep(label, size, report)
    result = FiberResult(
        labels,
        table,
        summary,
        size,
        given.unit,
        title=given.title,
        settings=instance_settings(
            config, given.unit, labels.ndim, known=known is not None
        ),
        image=values if given.image is None else as_gray(given.image),
        sweep=rows,
        cautions=given.cautions,
    )
    with atomic_path(out) as folder:
        folder.mkdir()
        write_fibers(folder, result)
    return {"folder": str(out), **summary}


def _check_shape(path: Path, found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if tuple(found) != shape:
        raise InputError(
            f"The mask has the shape {shape}, but {path} has {tuple(found)}: give the "
            "image or the prediction that the mask was made from."
        )


def _prediction(path: Path | None, class_name: str) -> _Prediction | None:
    if path is None:
        return None
    store = PredictionStore.open(path)
    index = ThresholdConfig(class_name=class_name).class_index(store.class_names)
    return _Prediction(store, index, str(path))
