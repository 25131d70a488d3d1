"""One row of numbers a fiber, of labels that are read by blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.executor import Ended, Executor, here, in_order, shares
from napari_sciml.fibers.blockwise.block_seams import BlockSeams, Faces, Pairs, faces_of
from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices, Region
from napari_sciml.fibers.blockwise.external_sort import (
    BATCH_VOXELS,
    BlockVoxels,
    ExternalVoxelSort,
    FiberBatch,
)
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
from napari_sciml.progress import Steps, subrange

_MANY_PAIRS = 1 << 20


def measure_blocks(
    labels: BlockVolume,
    sizes: Indices,
    scratch: Path,
    *,
    voxel_size: Sequence[float] | None = None,
    probability: BlockVolume | None = None,
    batch: int = BATCH_VOXELS,
    run: Executor = here,
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
    run
        Where blocks are looked at and fibers are measured. Elsewhere needs volumes that
        can be pickled, and a scratch folder that is seen there.

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
    spill = ExternalVoxelSort(scratch, sizes, labels.shape, batch)
    contacts, boxes = _Contacts(labels.shape), _Boxes()
    regions = [(region,) for region in labels.regions()]
    large = np.flatnonzero(sizes > batch)
    ended = in_order(run(_looked_at, (labels, probability, large), regions))
    for done, one in shares(ended, len(regions)):
        yield 0.5 * done
        if one is not None:
            (region,), found = regions[one[0]], one[1]
            spill.add(region, found.voxels)
            boxes.add(found.boxes)
            contacts.add(region, found)
    measuring = _measure(spill, boxes, sizes, grid, probability is not None, run)
    measured = yield from subrange(0.5, 0.95, measuring)
    names = np.arange(1, len(sizes))
    return with_neighbors(measured, contact_counts(contacts.pairs(), names))


@dataclass(frozen=True)
class _Looked:
    """What is in a block.

    Attributes
    ----------
    voxels
        Of the fibers.
    pairs, faces
        Fibers that touch within, and labels where other blocks lie beside it.
    boxes
        Of large bodies: lowest and highest voxel ``(2, 3)`` of each label.
    """

    voxels: BlockVoxels
    pairs: Pairs
    faces: Faces
    boxes: dict[int, Indices]


def _looked_at(
    labels: BlockVolume,
    probability: BlockVolume | None,
    large: Indices,
    region: Region,
) -> _Looked:
    values, known = labels.read(region), None
    if probability is not None and values.any():
        known = probability.read(region)
    return _Looked(
        BlockVoxels.sorted(values, known),
        touching_pairs(values),
        faces_of(values),
        _boxes_in(values, region, large),
    )


def _measure(
    spill: ExternalVoxelSort,
    boxes: "_Boxes",
    sizes: Indices,
    grid: Grid,
    probability: bool,
    run: Executor,
) -> Steps[MeasuredFibers]:
    """Measure the fibers of one batch after the other."""
    batches = spill.batches()
    found: dict[int, MeasuredFibers] = {}
    given = [(batch, sizes[batch.first : batch.last]) for batch in batches]
    common = (grid, probability)
    ended: Ended[MeasuredFibers] = run(_measured, common, given, name="batch")
    for done, one in shares(ended, len(batches)):
        yield done
        if one is not None:
            number, measured = one
            batches[number].delete()
            if batches[number].every > 1:
                boxes.correct(measured.table, grid)
            found[number] = measured
    if not found:
        return _nothing(grid, probability=probability)
    tables, lines = zip(
        *((found[i].table, found[i].lines) for i in range(len(batches))), strict=True
    )
    return MeasuredFibers(pd.concat(tables, ignore_index=True), np.concatenate(lines))


def _measured(
    grid: Grid, probability: bool, batch: FiberBatch, sizes: Indices
) -> Steps[MeasuredFibers]:
    """Measure one batch, whose first fiber has the first of the sizes."""
    found = batch.read(values=probability)
    return (
        yield from voxel_steps(
            found.voxels,
            grid,
            found.values,
            sizes=sizes[found.voxels.labels - batch.first],
            every=found.every,
        )
    )


def _nothing(grid: Grid, *, probability: bool) -> MeasuredFibers:
    none = np.zeros(0, np.int64)
    voxels = SortedVoxels(none, none, np.zeros(1, np.int64))
    return measure_voxels(voxels, grid, np.zeros(0) if probability else None)


class _Contacts:
    """Which fibers touch, within blocks and across their borders."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._cuts = BlockSeams(shape, 26)
        self._found = [np.zeros((0, 2), np.int64)]

    def add(self, region: Region, found: _Looked) -> None:
        self._cuts.add(region, found.faces)
        self._found.append(found.pairs)
        if sum(map(len, self._found)) > _MANY_PAIRS + 2 * len(self._found[0]):
            self._found = [np.unique(np.concatenate(self._found), axis=0)]

    def pairs(self) -> Pairs:
        across = np.sort(self._cuts.pairs(), axis=1)
        across = across[across[:, 0] != across[:, 1]]
        return np.unique(np.concatenate([*self._found, across]), axis=0)


def _boxes_in(
    labels: NDArray[Any], region: Region, large: Indices
) -> dict[int, Indices]:
    """Lowest and highest voxel of those of some labels that are in a block."""
    start, boxes = np.array([s.start for s in region]), {}
    for label in large:
        where = np.nonzero(labels == label)
        if where[0].size:
            low = [int(i.min()) for i in where]
            high = [int(i.max()) for i in where]
            boxes[int(label)] = start + np.array([low, high])
    return boxes


class _Boxes:
    """Bounding boxes of the bodies of which not every voxel is kept."""

    def __init__(self) -> None:
        self._boxes: dict[int, Indices] = {}

    def add(self, boxes: dict[int, Indices]) -> None:
        for label, (low, high) in boxes.items():
            old = self._boxes.get(label, np.stack([low, high]))
            self._boxes[label] = np.stack(
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
