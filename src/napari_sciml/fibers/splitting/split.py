"""From connected components to single fibers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.executor import Executor, here
from napari_sciml.fibers.blockwise.blocks import (
    BlockVolume,
    Indices,
    count_voxels,
)
from napari_sciml.fibers.geometry.voxels import check_probability, make_grid
from napari_sciml.fibers.splitting.assignment import Assigner, Sample, voxels_in
from napari_sciml.fibers.splitting.lines import find_lines
from napari_sciml.fibers.splitting.naming import name_voxels
from napari_sciml.fibers.splitting.ridges import find_ridges, find_scale
from napari_sciml.fibers.splitting.rim import Rim
from napari_sciml.progress import Steps, exhaust, subrange

_FEWEST = 20  # voxels of a component that may be more than one fiber,
_LEAST = 8.0  # and its volume in cubic radii


def split_fibers(
    components: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    dust: int = 0,
    probability: ArrayLike | None = None,
) -> NDArray[np.unsignedinteger[Any]]:
    """Take fibers apart that touch, cross or lie in bundles, and join broken ones.

    Parameters
    ----------
    components
        ``(z, y, x)`` or ``(y, x)`` whole numbers, 0 = no fiber: connected pieces of a
        mask, see `label_fibers`.
    voxel_size
        Edge of a voxel along each axis; None = 1.
    dust
        Parts of a component with fewer voxels than this go to its other fibers.
    probability
        Of the fibers, of the same shape, where the mask was made from one: it tells
        more of where fibers touch; see `napari_sciml.fibers.splitting.rim`.

    Returns
    -------
    ndarray
        Labels 1 to n in the order of the first voxel, 0 = no fiber, in the smallest
        of uint8, uint16 and uint32 that holds n. Every voxel of the components has
        a label, and none besides. What has no center line (a block, a plate, a
        speck) stays in one piece.

    Raises
    ------
    InputError
        If the labels are neither 2D nor 3D, or the voxel size does not fit.

    Notes
    -----
    Each fiber is a ridge in the smoothed distance to the background. Points on the
    ridges are linked where they follow one another in one direction; ends that face
    each other are paired, the straightest pairs first; every voxel then goes to the
    nearest line. The radius, by which all lengths are meant, is the median of the
    local maxima of the distance. Fibers that are packed without a background voxel
    between them cannot be told apart.
    """
    steps = splitting_steps(
        components, voxel_size=voxel_size, dust=dust, probability=probability
    )
    return exhaust(steps)


def splitting_steps(
    components: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    dust: int = 0,
    probability: ArrayLike | None = None,
) -> Steps[NDArray[np.unsignedinteger[Any]]]:
    """Do as `split_fibers`, and yield the share that is done; may be closed."""
    values = np.asarray(components)
    grid = make_grid(values.shape, voxel_size)
    check_probability(probability, values.shape)
    thin = [axis for axis, n in enumerate(values.shape) if n == 1]
    if values.ndim == 3 and len(thin) == 1:
        plane = values.squeeze(thin[0])
        size = np.delete(grid.spacing, thin[0]).tolist()
        if probability is not None:
            probability = np.asarray(probability).squeeze(thin[0])
        found = yield from splitting_steps(
            plane, voxel_size=size, dust=dust, probability=probability
        )
        return found.reshape(values.shape)
    if not values.any():
        return np.zeros(values.shape, np.uint8)
    names = BlockVolume.in_memory(np.zeros(values.shape, np.uint32))
    volume, known = BlockVolume.in_memory(values), None
    if probability is not None:
        known = BlockVolume.in_memory(np.asarray(probability), "The probability")
    sizes = yield from subrange(0.0, 0.02, count_voxels(volume))
    splitting = split_blocks(
        volume, sizes, names, names, voxel_size=voxel_size, dust=dust, probability=known
    )
    voxels = yield from subrange(0.02, 1.0, splitting)
    return np.asarray(names.source.astype(np.min_scalar_type(len(voxels) - 1)))


def split_blocks(
    components: BlockVolume,
    sizes: Indices,
    names: BlockVolume,
    out: BlockVolume,
    *,
    voxel_size: Sequence[float] | None = None,
    dust: int = 0,
    probability: BlockVolume | None = None,
    run: Executor = here,
) -> Steps[Indices]:
    """Do as `split_fibers` block by block; the blocks do not change the result.

    In memory are blocks with what is round them, and the points on ridges: about 2 %
    of the voxels of fibers, some hundred bytes each.

    Parameters
    ----------
    components
        Connected pieces, numbered from 1; 0 = no fiber.
    sizes
        ``(n + 1,)`` voxels of each.
    names
        uint32, of the same shape, to write in on the way.
    out
        Where the labels go; may be `names`.
    voxel_size, dust, probability
        As in `split_fibers`.
    run
        Where blocks are computed. Elsewhere needs volumes that can be pickled, `names`
        as it is written to here.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(m + 1,)`` voxels of each label; 0 for number 0.
    """
    grid = make_grid(components.source.shape, voxel_size)
    check_probability(probability and probability.source, components.source.shape)
    spacing = grid.spacing.copy()
    if grid.flat:
        spacing[0] = spacing[1:].min()
    rim = Rim(components, spacing, probability)
    scale = yield from subrange(0.0, 0.25, find_scale(rim, run))
    least = max(_FEWEST, voxels_in(_LEAST, scale.radius, spacing, grid.flat))
    large = sizes >= least
    large[0] = False
    steps = find_ridges(rim, large, scale, grid.flat, run)
    ridges = yield from subrange(0.25, 0.55, steps)
    sample = Sample(components, large, spacing, scale.radius, grid.flat)
    lines = find_lines(ridges, sample.inside, spacing, scale.radius)
    assigner = Assigner(sample, lines, ridges, dust)
    table = yield from subrange(0.65, 0.95, name_voxels(sample, assigner, names, run))
    order, found = _order(*table)
    yield from subrange(0.95, 1.0, _number(names, order, out))
    return found


def _order(sizes: Indices, first: Indices) -> tuple[NDArray[np.uint32], Indices]:
    """Label of each name, in the order of the first voxel; voxels of each label."""
    used = np.flatnonzero(sizes)
    used = used[np.argsort(first[used])]
    rank = np.zeros(len(sizes), np.uint32)
    rank[used] = np.arange(1, len(used) + 1)
    return rank, np.concatenate(([0], sizes[used]))


def _number(
    names: BlockVolume, rank: NDArray[np.uint32], out: BlockVolume
) -> Steps[None]:
    for done, region in names.walk():
        yield done
        out.write(region, rank[names.read(region)])
