"""One row of numbers a fiber, of labels that are read by blocks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices
from napari_sciml.fibers.blockwise.spill import BATCH_VOXELS, FiberSpill
from napari_sciml.fibers.blockwise.union import Cuts, Pairs
from napari_sciml.fibers.geometry.contacts import contact_counts, touching_pairs
from napari_sciml.fibers.geometry.measure import (
    MeasuredFibers,
    measure_voxels,
    voxel_steps,
    with_neighbors,
)
from napari_sciml.fibers.geometry.voxels import (
    Grid,
    SortedVoxels,
    check_probability,
    make_grid,
)
from napari_sciml.progress import Steps, part

_MANY_PAIRS = 1 << 20


def measure_blocks(
    labels: BlockVolume,
    sizes: Indices,
    scratch: Path,
    *,
    voxel_size: Sequence[float] | None = None,
    probability: BlockVolume | None = None,
    batch: int = BATCH_VOXELS,
) -> Steps[MeasuredFibers]:
    """Do as `measuring_steps` for a volume that is larger than memory.

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
    check_probability(probability and probability.source, labels.source.shape)
    spill = FiberSpill(scratch, sizes, labels.shape, batch)
    contacts, boxes = _Contacts(labels.shape), _Boxes(sizes, batch)
    for done, region in labels.walk():
        yield 0.5 * done
        values = labels.read(region)
        if values.any():
            known = None if probability is None else probability.read(region)
            spill.add(region, values, known)
            boxes.add(region, values)
        contacts.add(region, values)
    found = yield from part(
        0.5, 0.95, _measure(spill, boxes, sizes, grid, probability is not None)
    )
    names = np.arange(1, len(sizes))
    return with_neighbors(found, contact_counts(contacts.pairs(), names))


def _measure(
    spill: FiberSpill,
    boxes: "_Boxes",
    sizes: Indices,
    grid: Grid,
    probability: bool,
) -> Steps[MeasuredFibers]:
    """Measure the fibers of one batch after the other."""
    tables, lines = [], []
    for found in spill.batches():
        labels = found.voxels.labels
        steps = voxel_steps(
            found.voxels,
            grid,
            found.values,
            sizes=sizes[labels],
            every=found.every,
        )
        first, last = labels[[0, -1]] / len(sizes)
        measured = yield from part(float(first), float(last), steps)
        if found.every > 1:
            boxes.correct(measured.table, grid)
        tables.append(measured.table)
        lines.append(measured.lines)
    if not tables:
        return _nothing(grid, probability=probability)
    return MeasuredFibers(pd.concat(tables, ignore_index=True), np.concatenate(lines))


def _nothing(grid: Grid, *, probability: bool) -> MeasuredFibers:
    none = np.zeros(0, np.int64)
    voxels = SortedVoxels(none, none, np.zeros(1, np.int64))
    return measure_voxels(voxels, grid, np.zeros(0) if probability else None)


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

    def correct(self, table: pd.DataFrame, grid: Grid) -> None:
        """Extents and border contact of the only row, from all voxels."""
        low, high = self._boxes[int(table["label"].iloc[0])]
        axes = slice(int(grid.flat), None)
        ends = np.array(grid.shape) - 1
        extent = (high - low + 1) * grid.in_plane_spacing
        table[["extent_z", "extent_y", "extent_x"]] = extent[None]
        table["touches_border"] = bool(
            (low[axes] == 0).any() or (high[axes] == ends[axes]).any()
        )
