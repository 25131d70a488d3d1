"""From a mask to numbered and measured fibers, as a job."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.geometry.measure import measuring_steps
from napari_sciml.fibers.geometry.remeasure import Box, find_boxes
from napari_sciml.fibers.segmentation.instances import labeling_steps
from napari_sciml.fibers.statistics.summary import summarize
from napari_sciml.progress import Steps, T, map_progress


@dataclass(frozen=True)
class Stage:
    """What the job does now.

    Attributes
    ----------
    text
        In words.
    done
        Share of this stage, 0 to 1; None where it cannot be told.
    """

    text: str
    done: float | None = None


@dataclass(frozen=True)
class FibersMeasured:
    """The result.

    Attributes
    ----------
    labels
        Number of the fiber at each voxel, 0 = none.
    table
        A row a fiber, in physical units.
    lines
        ``(n, 33, 3)`` points along the center line of each row, physical.
    summary
        The whole sample in one record.
    unit
        Unit of length of the table.
    voxel_size
        Edge of a voxel along each axis, in that unit.
    config
        Settings of the instances.
    boxes
        Bounding box of each label.
    probability
        Of the class, where it was given.
    mask_voxels, left_out
        Voxels of the mask, and the share of them that is in no fiber, as its pieces
        are dropped.
    """

    labels: np.ndarray
    table: pd.DataFrame
    lines: np.ndarray
    summary: dict[str, Any]
    unit: str
    voxel_size: tuple[float, ...]
    config: FiberConfig
    boxes: Mapping[int, Box]
    probability: np.ndarray | None = None
    mask_voxels: int = 0
    left_out: float = 0.0


def find_and_measure(
    mask: np.ndarray,
    config: FiberConfig,
    *,
    voxel_size: Sequence[float],
    unit: str,
    probability: np.ndarray | None = None,
) -> Generator[Stage | FibersMeasured, None, None]:
    """Number the fibers of a mask, and measure each.

    Parameters
    ----------
    mask
        ``(z, y, x)`` or ``(y, x)``.
    config
        Settings of the instances.
    voxel_size, unit
        Edge of a voxel along each axis.
    probability
        Of the class, same shape; tells where touching fibers part and where they end,
        and gives each one a `mean_confidence`.

    Raises
    ------
    InputError
        When the mask is empty or no mask.
    """
    yield Stage("Looking at the mask …")
    if not np.any(mask):
        raise InputError(
            "The mask is empty: lower k or t in the Uncertainty dock and press "
            '"Keep what is sure".'
        )
    words = "Taking touching fibers apart …" if config.split else "Numbering …"
    steps = labeling_steps(
        mask, **config.model_dump(), voxel_size=voxel_size, probability=probability
    )
    labels = yield from _told(words, steps)
    count = int(labels.max())
    if not count:
        dropped = config.dropped_text(unit, mask.ndim)
        raise InputError(f"No fiber is left of the mask: all is {dropped}. Drop less.")
    words = "Measuring 1 fiber …" if count == 1 else f"Measuring {count:,} fibers …"
    measuring = measuring_steps(labels, voxel_size=voxel_size, probability=probability)
    found = yield from _told(words, measuring)
    if labels.dtype == np.uint8:
        labels = labels.astype(np.uint16)  # room for fibers that are added by hand
    summary = summarize(found.table, labels.shape, voxel_size, unit)
    yield FibersMeasured(
        labels,
        found.table,
        found.lines,
        summary,
        unit,
        tuple(voxel_size),
        config,
        find_boxes(labels),
        probability,
        *_left_out(mask, labels),
    )


def _left_out(mask: np.ndarray, labels: np.ndarray) -> tuple[int, float]:
    """Voxels of a mask, and the share without a label; by slices: a copy is large."""
    pairs = zip(mask, labels, strict=True)
    out = sum(int(np.count_nonzero((part != 0) & (kept == 0))) for part, kept in pairs)
    voxels = int(np.count_nonzero(mask))
    return voxels, out / max(voxels, 1)


def _told(words: str, steps: Steps[T]) -> Generator[Stage, None, T]:
    """Name the stage that does these steps."""
    yield Stage(words, 0.0)
    return (yield from map_progress(steps, lambda done: Stage(words, done)))
