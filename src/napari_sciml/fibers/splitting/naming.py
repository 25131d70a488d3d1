"""Name each voxel by its fiber or its component, block by block, in two rounds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.executor import Executor, shares
from napari_sciml.fibers.blockwise.blocks import (
    BlockVolume,
    Indices,
    Region,
    first_voxels,
)
from napari_sciml.fibers.blockwise.components import (
    BinaryBlocks,
    Components,
    find_components,
    numbered,
)
from napari_sciml.fibers.splitting.assignment import (
    Assigner,
    NearestLines,
    Sample,
    least_clump,
)
from napari_sciml.progress import Steps, subrange

_FAR = np.uint32(1 << 31)
"""Bit of a voxel that is too far from any line."""


def name_voxels(
    sample: Sample, assigner: Assigner, names: BlockVolume, run: Executor
) -> Steps[tuple[Indices, Indices]]:
    """Name each voxel by its fiber or its component.

    Parameters
    ----------
    sample, assigner
        The voxels, and who decides which fiber they are of.
    names
        Where the names go; on the way what the first round finds.
    run
        Where blocks are computed.

    Returns
    -------
    sizes, first
        ``(n + 1,)`` voxels of each name, and the flat index of the first of them.
    """
    yield from subrange(0.0, 0.7, _first_round(assigner, names, run))
    assigner.give_up_small()
    clumps = yield from subrange(0.7, 0.75, _clumps(sample, assigner, names, run))
    second = _second_round(assigner, clumps, names, run)
    return (yield from subrange(0.75, 1.0, second))


def _first_round(assigner: Assigner, names: BlockVolume, run: Executor) -> Steps[None]:
    regions = names.regions()
    ended = run(_coded, (assigner.nearest,), [(region,) for region in regions])
    for done, one in shares(ended, len(regions)):
        yield done
        if one is not None:
            codes = one[1]
            names.write(regions[one[0]], codes)
            found = codes[codes != 0]
            assigner.add((found & ~_FAR).astype(np.int32) - 2, (found & _FAR) != 0)


def _second_round(
    assigner: Assigner, clumps: Components | None, names: BlockVolume, run: Executor
) -> Steps[tuple[Indices, Indices]]:
    regions = names.regions()
    # What was split gets names beyond those of the components, clumps beyond those.
    offset = len(assigner.nearest.sample.large)
    count = offset + assigner.count + (clumps.count if clumps else 0)
    sizes = np.zeros(count + 1, np.int64)
    first = np.full(count + 1, names.size)
    tables = [None] * len(regions) if clumps is None else clumps.tables
    common = (assigner.nearest, names, offset)
    ended = run(_named, common, zip(regions, tables, strict=True))
    for done, one in shares(ended, len(regions)):
        yield done
        if one is not None:
            region, named = regions[one[0]], one[1]
            names.write(region, named)
            voxels, places = first_voxels(named, count, region, names.shape)
            sizes += voxels
            first = np.minimum(first, places)
    return sizes, first


def _coded(nearest: NearestLines, region: Region) -> NDArray[np.uint32]:
    """What the first round finds in a block.

    For each voxel in a large component 2 and the number of its fiber (1: no fiber),
    with `_FAR` where it is too far away; 0 elsewhere.
    """
    labels = nearest.sample.components.read(region)
    fiber, far = nearest.first(region)
    codes = np.zeros(labels.shape, np.uint32)
    codes[nearest.sample.large[labels]] = (fiber + 2).astype(np.uint32) | (far * _FAR)
    return codes


def _named(
    nearest: NearestLines,
    codes: BlockVolume,
    offset: int,
    region: Region,
    table: NDArray[np.uint32] | None,
) -> NDArray[np.uint32]:
    """Names of the voxels of a block, by what the first round found.

    Those of components stay, fibers begin at ``offset``, and behind them the clumps
    that a table numbers.
    """
    labels, code = nearest.sample.components.read(region), codes.read(region)
    named = labels.astype(np.uint32)
    chosen = nearest.sample.large[labels]
    far = (code & _FAR) != 0
    fiber = nearest.second(region, (code[chosen] & ~_FAR).astype(np.int32) - 2)
    if table is not None:
        clump = numbered(far, 26, table)[chosen]
        fiber = np.where(clump > 0, len(nearest.keep) - 1 + clump, fiber)
    named[chosen] = np.where(fiber >= 0, fiber + offset, named[chosen])
    return named


def _clumps(
    sample: Sample, assigner: Assigner, names: BlockVolume, run: Executor
) -> Steps[Components | None]:
    """What is far from all lines and large; crumbs stay with their fiber."""
    least = least_clump(sample)
    if assigner.far < least:
        return None
    far = BinaryBlocks(BlockVolume(_FarBits(names.source), names.edge))
    return (yield from find_components(far, 26, int(np.ceil(least)), run=run))


class _FarBits:
    """A view of names: where a voxel is too far from any line."""

    def __init__(self, names: Any) -> None:
        self.shape, self.dtype = names.shape, np.dtype(np.bool_)
        self._names = names

    def __getitem__(self, key: Any) -> NDArray[np.bool_]:
        return np.asarray((self._names[key] & _FAR) != 0)
