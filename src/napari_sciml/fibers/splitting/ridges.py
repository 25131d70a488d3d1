"""Points on the center lines of fibers, from the ridges of the distance to the rim.

Fibers that touch share voxels only where their rims meet: there the distance to the
background is short, and along each center line it is the radius. So every fiber is a
ridge of its own in the smoothed distance, however tightly fibers are packed, as long
as background voxels are left somewhere between them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sciml.executor import Executor, here, shares
from napari_sciml.fibers.blockwise.blocks import Region
from napari_sciml.fibers.splitting.rim import Rim
from napari_sciml.images.tiles import Tile, with_halo
from napari_sciml.progress import Steps

Array = NDArray[np.float64]

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


@dataclass(frozen=True)
class Scale:
    """What lengths are meant by.

    Attributes
    ----------
    radius
        Of most fibers, physical; at least one voxel.
    most
        Distances to the rim are cut off here.
    """

    radius: float
    most: np.float32

    def reach(self, spacing: Array) -> list[int]:
        """Voxels round a block that decide about distances in it, axis by axis."""
        return _reach(self.most, spacing)


def _reach(most: np.float32, spacing: Array) -> list[int]:
    return [int(np.ceil(most / edge)) + 1 for edge in spacing]


def find_scale(rim: Rim, run: Executor = here) -> Steps[Scale]:
    """Find the usual radius, from the local maxima of the distance to the rim.

    Parameters
    ----------
    rim
        Of components.
    run
        Where blocks are looked at; it may be anywhere.

    Yields
    ------
    float
        Share that is done.
    """
    voxel, reach = float(rim.spacing.min()), _FIRST_REACH
    while True:
        tops = yield from _tops(rim, np.float32(reach * voxel), run)
        radius = max(_usual(*tops), voxel)
        if radius * _CAP <= reach * voxel or reach >= _LAST_REACH:
            most = min(np.float32(_CAP * radius), np.float32(reach * voxel))
            return Scale(radius, most)
        reach *= 2


def _usual(tops: NDArray[np.float32], counts: NDArray[np.int64]) -> float:
    """Median radius by volume, so that specks do not count as fibers."""
    if not tops.size:
        return 0.0
    weight = np.cumsum(tops.astype(np.float64) ** 2 * counts)
    return float(tops[np.searchsorted(weight, weight[-1] / 2)])


_Tops = tuple[NDArray[np.float32], NDArray[np.int64]]


def _tops(rim: Rim, most: np.float32, run: Executor) -> Steps[_Tops]:
    """Local maxima of the distance, ascending, and how many there are of each."""
    tops, counts = np.zeros(0, np.float32), np.zeros(0, np.int64)
    regions = [(region,) for region in rim.components.regions()]
    for done, ended in shares(run(_tops_in, (rim, most), regions), len(regions)):
        yield done
        if ended is not None:
            values, number_of = ended[1]
            both = np.concatenate((tops, values))
            tops, place = np.unique(both, return_inverse=True)
            sums = np.bincount(place, np.concatenate((counts, number_of)), len(tops))
            counts = sums.astype(np.int64)
    return tops, counts


def _tops_in(rim: Rim, most: np.float32, region: Region) -> _Tops:
    """The same of one block."""
    volume = rim.components
    if not volume.read(region).any():
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    tile = with_halo(region, _reach(most, rim.spacing), volume.shape)
    labels = volume.read(tile.read)
    depth = rim.distance(tile.read, labels, most)
    top = depth == ndimage.maximum_filter(depth, size=3, mode="nearest")
    found = depth[tile.inner][((labels != 0) & top)[tile.inner]]
    return np.unique(found, return_counts=True)


def find_ridges(
    rim: Rim,
    large: NDArray[np.bool_],
    scale: Scale,
    flat: bool,
    run: Executor = here,
) -> Steps[Ridges]:
    """Find the ridges of the smoothed distance; yields the share that is done.

    Each block is computed with so much round it that what is farther away cannot
    matter: the result does not depend on the blocks.

    Parameters
    ----------
    rim
        Of components.
    large
        For each component whether there are ridges to look for.
    scale
        From `find_scale`.
    flat
        Whether the mask is an image of one plane.
    run
        Where blocks are looked at; it may be anywhere.

    Returns
    -------
    Ridges
        In the order of their voxels.
    """
    parts = [_no_points()]
    regions = [(region,) for region in rim.components.regions()]
    ended = run(_ridges_in, (rim, large, scale, flat), regions)
    for done, one in shares(ended, len(regions)):
        yield done
        if one is not None:
            parts.append(one[1])
    points, directions, found, places = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    order = np.argsort(places)
    return Ridges(points[order], directions[order], found[order])


_Points = tuple[Array, Array, Array, NDArray[np.int64]]
"""Points, directions and depths as in `Ridges`; flat index of the voxel of each."""


def _no_points() -> _Points:
    return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64)


def _ridges_in(
    rim: Rim, large: NDArray[np.bool_], scale: Scale, flat: bool, region: Region
) -> _Points:
    """Points on ridges in one block."""
    volume, spacing = rim.components, rim.spacing
    if not large[volume.read(region)].any():
        return _no_points()
    sigma = np.maximum(_SMOOTHING * scale.radius / spacing, _LEAST_SMOOTHING)
    sigma[0] *= not flat
    blur = [int(np.ceil(4 * s)) + 2 for s in sigma]
    halo = [a + b for a, b in zip(blur, scale.reach(spacing), strict=True)]
    outer = with_halo(region, halo, volume.shape).read
    tile = with_halo(region, blur, volume.shape)
    labels = volume.read(outer)
    near = Tile(tile.read, outer).inner
    depth = rim.distance(outer, labels, scale.most)[near]
    depth *= large[labels[near]]
    smooth = ndimage.gaussian_filter(depth, sigma, mode="nearest", truncate=4)
    candidates = np.zeros(depth.shape, bool)
    candidates[tile.inner] = depth[tile.inner] >= _SHALLOW * scale.radius
    index = np.stack(np.nonzero(candidates), axis=1)
    start = np.array([s.start for s in tile.read])
    step, directions, index = _on_ridge(smooth, index, spacing, scale.radius, flat)
    places = np.ravel_multi_index(tuple((index + start).T), volume.shape)
    points = (index + start) * spacing + step
    return points, directions, depth[tuple(index.T)], places


def _on_ridge(
    smooth: NDArray[np.float32],
    index: NDArray[np.intp],
    spacing: Array,
    radius: float,
    flat: bool,
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Step from each voxel to the ridge (Newton), and keep the near ones.

    Returns
    -------
    step, directions, index
        Of the voxels that are near.
    """
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
    return step[near], vectors[near, :, 2], index[near]


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
