"""Centers, ends and lengths of many bodies at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.centerline import Tube, trace_centerline
from napari_sciml.fibers.orientation import upper_hemisphere
from napari_sciml.fibers.voxels import Grid, SortedVoxels

Array = NDArray[np.float64]

_FEWEST = 20


@dataclass(frozen=True)
class Bodies:
    """Geometry of n fibers, physical, in the order z, y, x.

    Attributes
    ----------
    centroid
        ``(n, 3)`` mean of the voxel centers.
    direction
        ``(n, 3)`` unit vectors from end to end, dz >= 0.
    length, arc_length
        ``(n,)`` from end to end, and along the center line.
    touches_border
        ``(n,)`` whether a voxel lies at the border of the image.
    """

    centroid: Array
    direction: Array
    length: Array
    arc_length: Array
    touches_border: NDArray[np.bool_]


def measure_bodies(voxels: SortedVoxels, grid: Grid) -> Bodies:
    """Measure all fibers, some million voxels at a time."""
    parts = [_measure_block(voxels, block, grid) for block in voxels.blocks()]
    vectors, numbers = np.zeros((0, 3)), np.zeros(0)
    parts.append(Bodies(vectors, vectors, numbers, numbers, np.zeros(0, np.bool_)))
    return Bodies(
        np.concatenate([part.centroid for part in parts]),
        np.concatenate([part.direction for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.arc_length for part in parts]),
        np.concatenate([part.touches_border for part in parts]),
    )


def _measure_block(voxels: SortedVoxels, block: slice, grid: Grid) -> Bodies:
    position, start = voxels.part(block)
    counts = voxels.counts[block]
    index = np.unravel_index(position, grid.shape)
    points = np.stack(index, axis=1) * grid.spacing
    centroid = np.add.reduceat(points, start) / counts[:, None]
    points -= np.repeat(centroid, counts, axis=0)
    border = np.logical_or.reduceat(_at_border(index, grid), start)
    length, axis = _rods(points, start, counts, grid)
    ends, arc = length[:, None] * axis, length.copy()
    for i in np.flatnonzero(counts >= _FEWEST):
        volume = float(counts[i] * grid.voxel_volume)
        tube = Tube(volume, grid.in_plane_spacing, grid.flat, bool(border[i]))
        line = trace_centerline(points[start[i] :][: counts[i]], axis[i], tube)
        if line is not None:
            ends[i], arc[i] = line.end - line.start, line.arc_length
    length = np.linalg.norm(ends, axis=1)
    # A closed ring has no ends: its principal axis stands in for the direction.
    ends = np.where(length[:, None] > 1e-9, ends, axis)
    direction = upper_hemisphere(ends / np.linalg.norm(ends, axis=1, keepdims=True))
    return Bodies(centroid, direction, length, arc, border)


def _at_border(index: tuple[NDArray[np.intp], ...], grid: Grid) -> NDArray[np.bool_]:
    border = np.zeros(len(index[0]), bool)
    for i, n in list(zip(index, grid.shape, strict=True))[grid.flat :]:
        border |= (i == 0) | (i == n - 1)
    return border


def _rods(
    points: Array, start: NDArray[np.int64], counts: NDArray[np.int64], grid: Grid
) -> tuple[Array, Array]:
    """Length and axis of the uniform rods of the same second moment."""
    moments = np.empty((len(start), 3, 3))
    for i in range(3):
        for j in range(i + 1):
            sums = np.add.reduceat(points[:, i] * points[:, j], start)
            moments[:, i, j] = moments[:, j, i] = sums / counts
    values, vectors = np.linalg.eigh(moments)
    axis = vectors[:, :, 2]
    # n planes at the distance h have the second moment h^2 (n^2 - 1) / 12.
    covers = np.abs(axis) @ grid.in_plane_spacing
    return np.hypot(np.sqrt(12 * np.maximum(values[:, 2], 0.0)), covers), axis
