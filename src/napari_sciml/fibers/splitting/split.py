"""From connected components to single fibers."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.fibers.splitting.assignment import (
    Sample,
    assign_voxels,
    voxels_in,
)
from napari_sciml.fibers.splitting.lines import find_lines
from napari_sciml.fibers.splitting.ridges import distances, find_ridges
from napari_sciml.fibers.steps import part, result_of
from napari_sciml.fibers.voxels import make_grid

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FEWEST = 20  # voxels of a component that may be more than one fiber,
_LEAST = 8.0  # and its volume in cubic radii


def split_fibers(
    components: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    dust: int = 0,
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
    return result_of(splitting_steps(components, voxel_size=voxel_size, dust=dust))


def splitting_steps(
    components: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    dust: int = 0,
) -> Generator[float, None, NDArray[np.unsignedinteger[Any]]]:
    """Do as `split_fibers`, and yield the share that is done; may be closed."""
    values = np.asarray(components)
    grid = make_grid(values.shape, voxel_size)
    thin = [axis for axis, n in enumerate(values.shape) if n == 1]
    if values.ndim == 3 and len(thin) == 1:
        plane = values.squeeze(thin[0])
        size = np.delete(grid.spacing, thin[0]).tolist()
        found = yield from splitting_steps(plane, voxel_size=size, dust=dust)
        return found.reshape(values.shape)
    labels = values.reshape(grid.shape)
    if not labels.any():
        return np.zeros(values.shape, np.uint8)
    spacing = grid.spacing.copy()
    if grid.flat:
        spacing[0] = spacing[1:].min()
    names = yield from _names(labels, spacing, grid.flat, dust)
    return _numbered(labels, names).reshape(values.shape)


def _names(
    labels: NDArray[Any], spacing: Array, flat: bool, dust: int
) -> Generator[float, None, Indices]:
    """Name each voxel of the components, in raster order, by its fiber."""
    mask = labels != 0
    names = labels[mask].astype(np.int64)
    distance, radius = yield from part(0.0, 0.5, distances(mask, spacing))
    sizes = np.bincount(names)
    large = sizes >= max(_FEWEST, voxels_in(_LEAST, radius, spacing, flat))
    chosen = large[names]
    mask[mask] = chosen
    component, distance = names[chosen].astype(np.int32), distance[chosen]
    steps = find_ridges(mask, distance, spacing, radius, flat)
    ridges = yield from part(0.5, 0.7, steps)
    del distance
    lines = find_lines(ridges, mask, spacing, radius)
    sample = Sample(mask, component, spacing, radius, flat)
    fiber = yield from part(0.75, 1.0, assign_voxels(sample, lines, ridges, dust))
    # What was split gets names beyond those of the components.
    names[chosen] = np.where(fiber >= 0, fiber + len(sizes), component)
    return names


def _numbered(labels: NDArray[Any], names: Indices) -> NDArray[np.unsignedinteger[Any]]:
    """Names in raster order as labels in the order of the first voxel."""
    first = np.full(int(names.max()) + 1, len(names))
    first[names[::-1]] = np.arange(len(names))[::-1]
    used = np.flatnonzero(first < len(names))
    rank = np.zeros(len(first), np.min_scalar_type(len(used)))
    rank[used[np.argsort(first[used])]] = np.arange(1, len(used) + 1)
    found: NDArray[Any] = np.zeros(labels.shape, rank.dtype)
    found[labels != 0] = rank[names]
    return found
