"""Points on the center lines of fibers, from the ridges of the distance to the rim.

Fibers that touch share voxels only where their rims meet: there the distance to the
background is short, and along each center line it is the radius. So every fiber is a
ridge of its own in the smoothed distance, however tightly fibers are packed, as long
as background voxels are left somewhere between them.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]

_SLAB = 1 << 23  # voxels of a slab with its halo, about
_FIRST_REACH, _LAST_REACH = 16, 64  # voxels
_CAP = 2.5  # distances beyond so many radii tell nothing more about fibers
_SMOOTHING = 0.53  # standard deviation, in radii
_LEAST_SMOOTHING = 0.7  # in voxels
_SHALLOW = 0.6  # voxels nearer to the rim than so many radii are on no ridge
_SHARPNESS = 0.15  # least curvature across a ridge, in 1 / radius
_SLOPE = 0.15  # a ridge that falls faster than this ends in a corner of the rim
_OFFSET = 0.75  # how far from a ridge, in voxels, a voxel still stands for it


@dataclass(frozen=True)
class Ridges:
    """Points on ridges.

    Attributes
    ----------
    points
        ``(n, 3)``, physical.
    directions
        ``(n, 3)`` unit vectors along the ridge, of any sign.
    depth
        ``(n,)`` distance to the rim, physical.
    """

    points: Array
    directions: Array
    depth: Array


def slabs(shape: tuple[int, ...], halo: int) -> Iterator[tuple[slice, slice, slice]]:
    """Slabs along the first axis: with halo, without, and the latter in the former."""
    plane = max(1, int(np.prod(shape[1:])))
    thick = max(halo, _SLAB // plane - 2 * halo, 1)
    for start in range(0, shape[0], thick):
        stop = min(start + thick, shape[0])
        low, high = max(start - halo, 0), min(stop + halo, shape[0])
        yield slice(low, high), slice(start, stop), slice(start - low, stop - low)


def distances(
    mask: NDArray[np.bool_], spacing: Array
) -> Generator[float, None, tuple[NDArray[np.float32], float]]:
    """Distance of each voxel of the mask to the background, and the usual radius.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    distance
        In raster order of the mask's voxels, physical, cut off far inside of what is
        too thick for a fiber.
    radius
        Of most fibers, physical; at least one voxel.
    """
    voxel, reach = float(spacing.min()), _FIRST_REACH
    while True:
        found, tops = yield from _distances_up_to(mask, spacing, reach)
        radius = max(_usual(tops), voxel)
        if radius * _CAP <= reach * voxel or reach >= _LAST_REACH:
            return np.minimum(found, np.float32(_CAP * radius)), radius
        reach *= 2


def _usual(tops: NDArray[np.float32]) -> float:
    """Median radius by volume, so that specks do not count as fibers."""
    if not tops.size:
        return 0.0
    order = np.sort(tops)
    weight = np.cumsum(order.astype(np.float64) ** 2)
    return float(order[np.searchsorted(weight, weight[-1] / 2)])


def _distances_up_to(
    mask: NDArray[np.bool_], spacing: Array, reach: int
) -> Generator[float, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    limit = np.float32(reach * float(spacing.min()))
    halo = int(np.ceil(limit / spacing[0])) + 1
    found, tops = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for outer, done, inner in slabs(mask.shape, halo):
        yield done.start / mask.shape[0]
        inside = mask[outer]
        if not inside[inner].any():
            continue
        if inside.all():
            depth = np.full(inside.shape, limit, np.float32)
        else:
            depth = ndimage.distance_transform_edt(inside, spacing).astype(np.float32)
            np.minimum(depth, limit, out=depth)
        top = (depth == ndimage.maximum_filter(depth, size=3, mode="nearest"))[inner]
        here = inside[inner]
        found.append(depth[inner][here])
        tops.append(depth[inner][here & top])
    return np.concatenate(found), np.concatenate(tops)


def find_ridges(
    mask: NDArray[np.bool_],
    distance: NDArray[np.float32],
    spacing: Array,
    radius: float,
    flat: bool,
) -> Generator[float, None, Ridges]:
    """Find the ridges of the smoothed distance; yields the share that is done.

    Parameters
    ----------
    mask
        ``(z, y, x)``.
    distance, radius
        As `distances` gives them.
    spacing
        Edges of a voxel.
    flat
        Whether the mask is an image of one plane.
    """
    sigma = np.maximum(_SMOOTHING * radius / spacing, _LEAST_SMOOTHING)
    sigma[0] *= not flat
    halo = int(np.ceil(4 * sigma[0])) + 2
    counts = np.concatenate(([0], np.cumsum([np.count_nonzero(p) for p in mask])))
    parts = [(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))]
    for outer, done, inner in slabs(mask.shape, halo):
        yield done.start / mask.shape[0]
        here = mask[outer]
        if not here[inner].any():
            continue
        depth = np.zeros(here.shape, np.float32)
        depth[here] = distance[counts[outer.start] : counts[outer.stop]]
        candidates = np.zeros(here.shape, bool)
        candidates[inner] = depth[inner] >= _SHALLOW * radius
        smooth = ndimage.gaussian_filter(depth, sigma, mode="nearest", truncate=4)
        index = np.stack(np.nonzero(candidates), axis=1)
        points, directions, voxels = _on_ridge(smooth, index, spacing, radius, flat)
        points[:, 0] += outer.start * spacing[0]
        parts.append((points, directions, depth[tuple(voxels.T)]))
    points, directions, depths = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Ridges(points, directions, depths)


def _on_ridge(
    smooth: NDArray[np.float32],
    index: NDArray[np.intp],
    spacing: Array,
    radius: float,
    flat: bool,
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Step from each voxel to the ridge (Newton), and keep the near ones."""
    gradient, hessian = _derivatives(smooth, index, spacing)
    if flat:
        # Constant along z: as sharp a ridge as need be.
        hessian[:, 0, 0] = -1e3 / radius
    values, vectors = np.linalg.eigh(hessian)
    along = np.einsum("nij,ni->nj", vectors, gradient)
    sharp = values[:, 1] * radius < -_SHARPNESS
    sharp &= np.abs(along[:, 2]) < _SLOPE
    values, vectors, along = values[sharp], vectors[sharp], along[sharp]
    index = index[sharp]
    step = -np.einsum("nij,nj->ni", vectors[:, :, :2], along[:, :2] / values[:, :2])
    near = np.abs(step / spacing).max(axis=1) <= _OFFSET
    points = index[near] * spacing + step[near]
    return points, vectors[near, :, 2], index[near]


def _derivatives(
    smooth: NDArray[np.float32], index: NDArray[np.intp], spacing: Array
) -> tuple[Array, Array]:
    """Gradient and Hessian at some voxels, by central differences."""
    padded = np.pad(smooth, 1, mode="edge")
    flat = padded.reshape(-1)
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    place = (index + 1) @ strides
    center = flat[place].astype(np.float64)
    gradient = np.empty((len(index), 3))
    hessian = np.empty((len(index), 3, 3))
    for i in range(3):
        up = flat[place + strides[i]].astype(np.float64)
        down = flat[place - strides[i]].astype(np.float64)
        gradient[:, i] = (up - down) / (2 * spacing[i])
        hessian[:, i, i] = (up - 2 * center + down) / spacing[i] ** 2
        for j in range(i):
            a, b = strides[i], strides[j]
            mixed = flat[place + a + b].astype(np.float64) - flat[place + a - b]
            mixed += flat[place - a - b] - flat[place - a + b]
            mixed /= 4 * spacing[i] * spacing[j]
            hessian[:, i, j] = hessian[:, j, i] = mixed
    return gradient, hessian
