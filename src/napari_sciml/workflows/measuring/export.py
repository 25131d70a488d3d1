"""Writing what was measured, as a job."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.report.filtering import FiberFilter
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.fibers.statistics.summary import summarize
from napari_sciml.fibers.statistics.sweep import KS, TS, sweep_rows
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.results.fiber_files import (
    FiberResult,
    instance_settings,
    write_fibers,
)
from napari_sciml.io.results.outputs import check_output
from napari_sciml.workflows.measuring.arrays import FibersMeasured, Stage


@dataclass(frozen=True)
class Exported:
    """All files are written.

    Attributes
    ----------
    folder
        Where they are.
    fibers, total
        How many were written, and how many there are.
    """

    folder: Path
    fibers: int
    total: int


@dataclass(frozen=True)
class Prediction:
    """Mean and deviation over the ensemble of the class of the fibers."""

    mean: np.ndarray
    std: np.ndarray


def choose_shown(
    found: FibersMeasured,
    chosen: FiberFilter,
    *,
    title: str = "Fibers",
    image: Any = None,
    labels_file: str = "labels.tif",
    cautions: tuple[str, ...] = (),
) -> FiberResult:
    """Take only the fibers that a filter keeps.

    Parameters
    ----------
    found
        All fibers.
    chosen
        The others are left out of the table, the labels, the numbers and the pictures;
        the report and ``summary.json`` say so.
    title, image, labels_file, cautions
        As in `FiberResult`.
    """
    keep = chosen.keeps(found.table)
    table = found.table[keep].reset_index(drop=True)
    labels, unit = found.labels, found.unit
    if not keep.all():
        kept = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
        kept[table["label"]] = table["label"]
        labels = kept[labels]
    words = chosen.words(unit, labels.ndim)
    summary = summarize(table, labels.shape, found.voxel_size, unit)
    shown = {"fibers": len(table), "of": len(keep), "filter": words}
    known = found.probability is not None
    settings = instance_settings(found.config, unit, labels.ndim, known=known)
    if words:
        settings[f"shown of {len(keep):,} fibers"] = words
    return FiberResult(
        labels,
        table,
        {**summary, "shown": shown},
        found.voxel_size,
        unit,
        title=title,
        settings=settings,
        image=image,
        labels_file=labels_file,
        cautions=cautions,
    )


def export_fibers(
    result: FiberResult,
    folder: Path,
    *,
    overwrite: bool = False,
    total: int | None = None,
    config: FiberConfig | None = None,
    prediction: Prediction | None = None,
) -> Generator[Stage | Exported, None, None]:
    """Write table, labels, numbers, pictures and a report, or nothing.

    Parameters
    ----------
    result
        From `choose_shown`.
    folder
        To make; replaced where it is an older export.
    overwrite
        Whether a result of ours of another kind may be replaced.
    total
        Fibers that there are; None = those of the result.
    config, prediction
        Where both are given, all fibers are found and measured at other k and t, too.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    check_output(folder, "fibers", overwrite=overwrite, folder=True)
    if prediction is not None and config is not None:
        sweep = yield from _sweep(result, config, prediction)
        result = replace(result, sweep=sweep)
    yield Stage("Writing table, pictures and report …")
    with atomic_path(folder) as fresh:
        fresh.mkdir()
        write_fibers(fresh, result)
        yield Stage("Writing table, pictures and report …", 1.0)  # or stop: no folder
    count = len(result.table)
    yield Exported(folder, count, count if total is None else total)


def _sweep(
    result: FiberResult, config: FiberConfig, prediction: Prediction
) -> Generator[Stage, None, pd.DataFrame]:
    size, total = result.voxel_size, len(KS) * len(TS)

    def label(mask: np.ndarray) -> np.ndarray:
        settings, known = config.model_dump(), prediction.mean
        return label_fibers(mask, **settings, voxel_size=size, probability=known)

    rows = []
    yield Stage("Measuring at other thresholds …", 0.0)
    for row in sweep_rows(prediction.mean, prediction.std, label, voxel_size=size):
        rows.append(row)
        yield Stage("Measuring at other thresholds …", len(rows) / total)
    return pd.DataFrame(rows)


def check_anything_shown(result: FiberResult) -> None:
    """Make sure that there is something to write.

    Raises
    ------
    InputError
        When the filters hide all fibers.
    """
    if not len(result.table):
        raise InputError("The filters hide all fibers: let some pass to export them.")
