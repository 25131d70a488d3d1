"""From a mask to numbered and measured fibers, as a job."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.instances import label_fibers
from napari_sciml.fibers.measure import measure_fibers
from napari_sciml.fibers.summary import summarize


@dataclass(frozen=True)
class Stage:
    """What the job does now, in words."""

    text: str


@dataclass(frozen=True)
class FibersMeasured:
    """The result.

    Attributes
    ----------
    labels
        Number of the fiber at each voxel, 0 = none.
    table
        A row a fiber, in physical units.
    summary
        The whole sample in one record.
    unit
        Unit of length of the table.
    voxel_size
        Edge of a voxel along each axis, in that unit.
    """

    labels: np.ndarray
    table: pd.DataFrame
    summary: dict[str, Any]
    unit: str
    voxel_size: tuple[float, ...]


def find_and_measure(
    mask: np.ndarray,
    config: FiberConfig,
    *,
    voxel_size: Sequence[float],
    unit: str,
    probability: np.ndarray | None = None,
) -> Generator[Stage | FibersMeasured, None, None]:
    """Number the pieces of a mask and measure each.

    Parameters
    ----------
    mask
        ``(z, y, x)`` or ``(y, x)``.
    config
        Settings of the instances.
    voxel_size, unit
        Edge of a voxel along each axis.
    probability
        Of the class, same shape; gives each fiber a `mean_confidence`.

    Raises
    ------
    InputError
        When the mask is empty or no mask.
    """
    yield Stage("Numbering the fibers …")
    if not np.any(mask):
        raise InputError(
            "The mask is empty: lower k or t in the Uncertainty dock and press "
            '"Keep what is sure".'
        )
    labels = label_fibers(mask, **config.model_dump(), voxel_size=voxel_size)
    count = int(labels.max())
    if not count:
        raise InputError(
            f"No piece of the mask has {config.dust} voxels: choose a smaller dust."
        )
    yield Stage(f"Measuring {count:,} fibers …")
    table = measure_fibers(labels, voxel_size=voxel_size, probability=probability)
    summary = summarize(table, labels.shape, voxel_size, unit)
    yield FibersMeasured(labels, table, summary, unit, tuple(voxel_size))
