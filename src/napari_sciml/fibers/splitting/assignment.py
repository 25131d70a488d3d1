"""Every voxel goes to the nearest center line that runs through its component."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_sciml.fibers.blockwise.blocks import BlockVolume, Region
from napari_sciml.fibers.splitting.lines import Lines
from napari_sciml.fibers.splitting.ridges import Ridges

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
    """What is to be assigned.

    Attributes
    ----------
    components
        Labels of connected pieces.
    large
        For each label whether it may be more than one fiber.
    spacing
        Edges of a voxel.
    radius
        Usual radius of the fibers.
    flat
        Whether it is an image of one plane.
    """

    components: BlockVolume
    large: NDArray[np.bool_]
    spacing: Array
    radius: float
    flat: bool

    def component_at(self, index: Indices) -> Labels:
        """Component of voxels ``(n, 3)``, 0 for those in none that is large.

        Of places beyond the border the nearest voxel counts.
        """
        shape = np.array(self.components.shape)
        found = self.components.look_up(np.clip(index, 0, shape - 1))
        return np.where(self.large[found], found, 0).astype(np.int32)

    def inside(self, index: Indices) -> NDArray[np.bool_]:
        """Whether voxels ``(n, 3)`` are in a large component."""
        return self.component_at(index) > 0


def voxels_in(radii: float, radius: float, spacing: Array, flat: bool) -> float:
    """Voxels in so many cubic (in 2D square) radii."""
    if flat:
        return float(radii * radius**2 / np.prod(spacing[1:]))
    return float(radii * radius**3 / np.prod(spacing))


@dataclass(frozen=True)
class NearestLines:
    """Gives each voxel of a block a fiber, in two rounds; may be sent elsewhere.

    Attributes
    ----------
    sample
        The voxels.
    keep
        For each fiber whether it is not given up.
    finder
        Of the lines of the fibers that are kept; None where there are none at all.
    """

    sample: Sample
    keep: NDArray[np.bool_]
    finder: "_Finder | None"

    def first(self, region: Region) -> tuple[Labels, NDArray[np.bool_]]:
        """Find the nearest line of each voxel of a block.

        Returns
        -------
        fiber, far
            Of the voxels in large components, in raster order: the number of the
            fiber, -1 where its component has none, and whether it is too far away.
        """
        places, component = self._voxels(region)
        fiber = np.full(len(places), -1, np.int32)
        far = np.zeros(len(places), bool)
        if self.finder is not None:
            for some in _slices(len(places)):
                fiber[some], far[some] = self.finder.find(places[some], component[some])
        return fiber, far

    def second(self, region: Region, fiber: Labels) -> Labels:
        """Give the voxels of fibers that were given up to others.

        Parameters
        ----------
        region
            The block.
        fiber
            What `first` found there.
        """
        found = fiber.copy()
        lost = np.flatnonzero((fiber >= 0) & ~np.append(self.keep, True)[fiber])
        if lost.size and self.finder is not None:
            places, component = self._voxels(region)
            for part in _slices(len(lost)):
                some = lost[part]
                found[some], _ = self.finder.find(places[some], component[some])
        return found

    def _voxels(self, region: Region) -> tuple[Array, Labels]:
        labels = self.sample.components.read(region)
        chosen = self.sample.large[labels]
        start = [s.start for s in region]
        index = np.stack(np.nonzero(chosen), axis=1) + start
        return index * self.sample.spacing, labels[chosen].astype(np.int32)


class Assigner:
    """Decides, between two rounds over all blocks, which fibers are given up.

    Parameters
    ----------
    sample
        The voxels.
    lines, ridges
        Center lines, and the points that they were made from.
    dust
        Fibers of fewer voxels are given up.
    """

    def __init__(self, sample: Sample, lines: Lines, ridges: Ridges, dust: int) -> None:
        self.count = int(lines.fiber.max(initial=-1)) + 1
        self._lines, self._ridges = lines, ridges
        self._least = np.maximum(dust, _least_sizes(sample, lines))
        self._sizes = np.zeros(self.count, np.int64)
        finder = _finder(sample, lines, ridges) if self.count else None
        self.nearest = NearestLines(sample, np.ones(self.count, np.bool_), finder)
        """Of the round that comes next."""
        self.far = 0
        """Voxels that are too far from any line."""

    def add(self, fiber: Labels, far: NDArray[np.bool_]) -> None:
        """Count what the first round found in a block."""
        self._sizes += np.bincount(fiber[fiber >= 0], minlength=self.count)
        self.far += int(np.count_nonzero(far))

    def give_up_small(self) -> None:
        """After the first round over all blocks, before the second."""
        keep, sample = self._sizes >= self._least, self.nearest.sample
        if not keep.all():
            finder = _finder(sample, _without(self._lines, keep), self._ridges)
            self.nearest = NearestLines(sample, keep, finder)


def _slices(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK):
        yield slice(start, min(start + _CHUNK, count))


def least_clump(sample: Sample) -> float:
    """Fewest voxels, far from all lines, that are something of their own."""
    return voxels_in(_CLUMP, sample.radius, sample.spacing, sample.flat)


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
    component = sample.component_at(np.rint(points / sample.spacing).astype(np.int64))
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


def _key(component: Labels, fiber: Indices, reach: Array) -> Indices:
    """One number for a component and a fiber in it."""
    return component.astype(np.int64) * len(reach) + fiber


def _apart(points: Array, component: Labels) -> Array:
    """Add a fourth coordinate that keeps components far from each other."""
    return np.column_stack((points, component * 1e6))
