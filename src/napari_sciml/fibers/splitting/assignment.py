"""Every voxel goes to the nearest center line that runs through its component."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_sciml.fibers.splitting.lines import Lines
from napari_sciml.fibers.splitting.ridges import Ridges
from napari_sciml.images.components import connected_components

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Labels = NDArray[np.int32]

_CHUNK = 1 << 17
_FAR = 2.0  # voxels farther from their line than so many radii are of no fiber,
_WIDE = 1.6  # or so many radii of that fiber,
_SHORT = 6.0  # a line that is shorter, in radii,
_HOLLOW = 0.58  # and has less than this share of a tube's voxels, is a neck of others
_CLUMP = 25.0  # if so large a part of them, in cubic radii, hangs together


@dataclass(frozen=True)
class Sample:
    """Voxels to be assigned.

    Attributes
    ----------
    mask
        ``(z, y, x)``.
    component
        Label of the component of each voxel of the mask, in raster order.
    spacing
        Edges of a voxel.
    radius
        Usual radius of the fibers.
    flat
        Whether it is an image of one plane.
    """

    mask: NDArray[np.bool_]
    component: Labels
    spacing: Array
    radius: float
    flat: bool

    def chunks(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[Indices, Array]]:
        """Numbers of chosen voxels, and their places, some at a time."""
        plane = self.mask[0].size
        step = max(1, _CHUNK // plane)
        first = 0
        for z in range(0, len(self.mask), step):
            index = np.stack(np.nonzero(self.mask[z : z + step]), axis=1)
            count = len(index)
            inside = np.flatnonzero(chosen[first : first + count])
            places = (index[inside] + [z, 0, 0]) * self.spacing
            yield inside + first, places
            first += count


def voxels_in(radii: float, radius: float, spacing: Array, flat: bool) -> float:
    """Voxels in so many cubic (in 2D square) radii."""
    if flat:
        return float(radii * radius**2 / np.prod(spacing[1:]))
    return float(radii * radius**3 / np.prod(spacing))


def assign_voxels(
    sample: Sample, lines: Lines, ridges: Ridges, dust: int
) -> Generator[float, None, Labels]:
    """Give each voxel a fiber.

    Parameters
    ----------
    sample
        The voxels.
    lines, ridges
        Center lines, and the points that they were made from.
    dust
        Fibers of fewer voxels are given up.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        Number of the fiber of each voxel in raster order; -1 where its component
        has none. What is too far from any line for a fiber, and no crumb, has
        numbers of its own after those of the fibers.
    """
    fiber = np.full(len(sample.component), -1, np.int32)
    count = int(lines.fiber.max(initial=-1)) + 1
    if not count:
        return fiber
    finder = _finder(sample, lines, ridges)
    far = np.zeros(len(fiber), bool)
    every = np.ones(len(fiber), bool)
    for number, points in sample.chunks(every):
        yield 0.9 * int(number.max(initial=0)) / len(fiber)
        fiber[number], far[number] = finder.find(points, sample.component[number])
    sizes = np.bincount(fiber[fiber >= 0], minlength=count)
    keep = sizes >= np.maximum(dust, _least_sizes(sample, lines))
    if not keep.all():
        finder = _finder(sample, _without(lines, keep), ridges)
        lost = (fiber >= 0) & ~keep[fiber]
        for number, points in sample.chunks(lost):
            fiber[number], _ = finder.find(points, sample.component[number])
    _name_clumps(sample, fiber, far, count)
    return fiber


def _least_sizes(sample: Sample, lines: Lines) -> Array:
    """Fewest voxels of each fiber."""
    length = lines.length / sample.radius
    tube = length * (2 if sample.flat else np.pi)
    unit = voxels_in(1.0, sample.radius, sample.spacing, sample.flat)
    return np.where(length < _SHORT, _HOLLOW * tube * unit, 0.0)


def _without(lines: Lines, keep: NDArray[np.bool_]) -> Lines:
    node = keep[lines.fiber]
    point = (lines.of_point >= 0) & keep[lines.of_point]
    of_point = np.where(point, lines.of_point, -1)
    return replace(
        lines, nodes=lines.nodes[node], fiber=lines.fiber[node], of_point=of_point
    )


@dataclass(frozen=True)
class _Finder:
    """Finds the nearest line that runs through a voxel's component.

    The nearest of all lines is nearly always the one. Where it is not, the ridge
    points of the component itself decide.
    """

    nodes: cKDTree
    fiber: Indices
    points: cKDTree
    owner: Indices
    held: Indices
    peopled: NDArray[Any]
    reach: Array

    def find(
        self, places: Array, component: Labels
    ) -> tuple[Indices, NDArray[np.bool_]]:
        """Fiber of each voxel, -1 for none, and whether it is too far from it."""
        if not len(self.fiber):
            return np.full(len(places), -1), np.zeros(len(places), bool)
        found, node = self.nodes.query(places)
        distance = np.array(found, np.float64)
        fiber = self.fiber[node]
        right = np.isin(_key(component, fiber, self.reach), self.held)
        wrong = np.flatnonzero(~right)
        distance[wrong], fiber[wrong] = 0.0, -1
        wrong = wrong[np.isin(component[wrong], self.peopled)]
        if wrong.size:
            place = _apart(places[wrong], component[wrong])
            distance[wrong], point = self.points.query(place)
            fiber[wrong] = self.owner[point]
        return fiber, distance > self.reach[fiber]


def _finder(sample: Sample, lines: Lines, ridges: Ridges) -> _Finder:
    known = lines.of_point >= 0
    owner, points = lines.of_point[known], ridges.points[known]
    component = _components_at(sample, points)
    count = int(max(owner.max(initial=0), lines.fiber.max(initial=0))) + 1
    number = np.maximum(np.bincount(owner, minlength=count), 1)
    depth = np.bincount(owner, ridges.depth[known], minlength=count) / number
    reach = np.maximum(_FAR * sample.radius, _WIDE * depth)
    return _Finder(
        nodes=cKDTree(lines.nodes),
        fiber=lines.fiber,
        points=cKDTree(_apart(points, component)),
        owner=owner,
        held=np.unique(_key(component, owner, reach)),
        peopled=np.unique(component),
        reach=reach,
    )


def _components_at(sample: Sample, points: Array) -> Labels:
    """Component of the voxel at each ridge point, 0 beside the mask."""
    before = np.concatenate(
        ([0], np.cumsum([np.count_nonzero(p) for p in sample.mask]))
    )
    index = np.rint(points / sample.spacing).astype(np.int64)
    index = np.clip(index, 0, np.array(sample.mask.shape) - 1)
    found = np.zeros(len(points), np.int32)
    order = np.argsort(index[:, 0], kind="stable")
    stops = np.searchsorted(index[order, 0], np.arange(len(sample.mask) + 1))
    for z in np.unique(index[:, 0]):
        plane = np.zeros(sample.mask[z].shape, np.int32)
        plane[sample.mask[z]] = sample.component[before[z] : before[z + 1]]
        here = order[stops[z] : stops[z + 1]]
        found[here] = plane[index[here, 1], index[here, 2]]
    return found


def _key(component: Labels, fiber: Indices, reach: Array) -> Indices:
    """One number for a component and a fiber in it."""
    return component.astype(np.int64) * len(reach) + fiber


def _apart(points: Array, component: Labels) -> Array:
    """Add a fourth coordinate that keeps components far from each other."""
    return np.column_stack((points, component * 1e6))


def _name_clumps(
    sample: Sample, fiber: Labels, far: NDArray[np.bool_], count: int
) -> None:
    """Number what is far from all lines; crumbs stay with their fiber."""
    least = voxels_in(_CLUMP, sample.radius, sample.spacing, sample.flat)
    if np.count_nonzero(far) < least:
        return
    beyond = np.zeros(sample.mask.shape, bool)
    beyond[sample.mask] = far
    labels = connected_components(beyond, 26)[sample.mask]
    large = np.bincount(labels) >= least
    large[0] = False
    chosen = large[labels]
    fiber[chosen] = labels[chosen].astype(np.int64) + count
