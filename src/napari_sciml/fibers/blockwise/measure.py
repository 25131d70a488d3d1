"""One row of numbers a fiber, of labels that are read by blocks."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices
from napari_sciml.fibers.blockwise.spill import (
    BATCH_VOXELS,
    FiberSpill,
    FiberVoxels,
)
from napari_sciml.fibers.blockwise.union import Cuts, Pairs
from napari_sciml.fibers.bodies import Bodies, join_bodies, measure_bodies
from napari_sciml.fibers.contacts import contact_counts, touching_pairs
from napari_sciml.fibers.measure import fiber_table, mean_values
from napari_sciml.fibers.voxels import Grid, make_grid

_MANY_PAIRS = 1 << 20


def measure_blocks(
    labels: BlockVolume,
    sizes: Indices,
    scratch: Path,
    *,
    voxel_size: Sequence[float] | None = None,
    probability: BlockVolume | None = None,
    batch: int = BATCH_VOXELS,
) -> Generator[float, None, pd.DataFrame]:
    """Give the table of `measure_fibers` of a volume that is larger than memory.

    The volume is read once; the voxels of each fiber are gathered in files.

    Parameters
    ----------
    labels
        Labels 1 to n, all of which occur, 0 = no fiber.
    sizes
        ``(n + 1,)`` voxels of each, from `count_voxels` or from whoever made them.
    scratch
        Folder for files; 4 bytes a voxel of fibers, 8 with a probability.
    voxel_size
        Edge of a voxel along each axis; None = 1.
    probability
        Of the fibers, same shape.
    batch
        Voxels of fibers to hold in memory, about. A body of more voxels is measured
        from every second, third ... of its voxels.

    Yields
    ------
    float
        Share that is done.

    Raises
    ------
    InputError
        If shape or voxel size does not fit, or something cannot be read.
    """
    grid = make_grid(labels.source.shape, voxel_size)
    if probability is not None and probability.shape != labels.shape:
        raise InputError(
            f"The probability has shape {probability.shape}, but the labels have "
            f"{labels.shape}; give the probability of one class for the same image."
        )
    names = np.arange(1, len(sizes))
    spill = FiberSpill(scratch, sizes, labels.shape, batch)
    contacts, boxes = _Contacts(labels.shape), _Boxes(sizes, batch)
    regions = labels.regions()
    for number, region in enumerate(regions):
        yield 0.5 * number / len(regions)
        values = labels.read(region)
        if values.any():
            known = None if probability is None else probability.read(region)
            spill.add(region, values, known)
            boxes.add(region, values)
        contacts.add(region, values)
    bodies, means = [], [np.zeros(0)]
    for found in spill.batches():
        yield 0.5 + 0.5 * int(found.voxels.labels[0]) / len(sizes)
        bodies.append(boxes.corrected(_bodies(found, grid), found, grid))
        if found.values is not None:
            means.append(mean_values(found.values, found.voxels))
    return fiber_table(
        names,
        sizes[1:],
        join_bodies(bodies),
        grid,
        contact_counts(contacts.pairs(), names),
        None if probability is None else np.concatenate(means),
    )


def _bodies(found: FiberVoxels, grid: Grid) -> Bodies:
    return measure_bodies(found.voxels, grid, found.values, every=found.every)


class _Contacts:
    """Which fibers touch, within blocks and across their borders."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._cuts = Cuts(shape, 26)
        self._found = [np.zeros((0, 2), np.int64)]

    def add(self, region: tuple[slice, ...], labels: NDArray[Any]) -> None:
        self._cuts.add(region, labels)
        self._found.append(touching_pairs(labels))
        if sum(map(len, self._found)) > _MANY_PAIRS + 2 * len(self._found[0]):
            self._found = [np.unique(np.concatenate(self._found), axis=0)]

    def pairs(self) -> Pairs:
        across = np.sort(self._cuts.pairs(), axis=1)
        across = across[across[:, 0] != across[:, 1]]
        return np.unique(np.concatenate([*self._found, across]), axis=0)


class _Boxes:
    """Bounding boxes of the bodies of which not every voxel is kept."""

    def __init__(self, sizes: Indices, batch: int) -> None:
        self._large = np.flatnonzero(sizes > batch)
        self._boxes: dict[int, NDArray[np.int64]] = {}

    def add(self, region: tuple[slice, ...], labels: NDArray[Any]) -> None:
        start = np.array([s.start for s in region])
        for label in self._large:
            where = np.nonzero(labels == label)
            if where[0].size:
                low = start + [int(i.min()) for i in where]
                high = start + [int(i.max()) for i in where]
                old = self._boxes.setdefault(int(label), np.stack([low, high]))
                self._boxes[int(label)] = np.stack(
                    [np.minimum(old[0], low), np.maximum(old[1], high)]
                )

    def corrected(self, bodies: Bodies, found: FiberVoxels, grid: Grid) -> Bodies:
        """Extents and border contact from all voxels."""
        if found.every == 1:
            return bodies
        low, high = self._boxes[int(found.voxels.labels[0])]
        axes = slice(int(grid.flat), None)
        ends = np.array(grid.shape) - 1
        bodies.extent[0] = (high - low + 1) * grid.in_plane_spacing
        bodies.touches_border[0] = bool(
            (low[axes] == 0).any() or (high[axes] == ends[axes]).any()
        )
        return bodies
