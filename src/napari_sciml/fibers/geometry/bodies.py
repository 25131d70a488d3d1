"""Centers, ends, lengths and shapes of many bodies at once."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.centerline import SAMPLES, Tube, trace_centerline
from napari_sciml.fibers.geometry.sections import cross_sections, cut_ends
from napari_sciml.fibers.geometry.voxels import Grid, SortedVoxels
from napari_sciml.fibers.orientation import upper_hemisphere
from napari_sciml.progress import Steps

Array = NDArray[np.float64]

_FEWEST = 20


@dataclass(frozen=True)
class Bodies:
    """Geometry of n fibers, physical, in the order z, y, x.

    Attributes
    ----------
    centroid
        ``(n, 3)`` mean of the voxel centers.
    extent
        ``(n, 3)`` edges of the bounding box of its voxels.
    direction
        ``(n, 3)`` unit vectors from end to end, dz >= 0.
    length, arc_length
        ``(n,)`` from end to end, and along the center line.
    line
        ``(n, 33, 3)`` points at equal distances along the center line.
    curvature
        ``(n,)`` its mean, radians per length; 0 for bodies without a center line.
    radius_std
        ``(n,)`` spread of the radius along the fiber; NaN for short ones.
    lowest
        ``(n,)`` lowest mean probability of a cross-section; NaN for bodies without a
        center line, or without a probability.
    touches_border
        ``(n,)`` whether a voxel lies at the border of the image.
    cut_ends
        ``(n,)`` how many ends the border cuts; of bodies of a few voxels that touch it
        one.
    """

    centroid: Array
    extent: Array
    direction: Array
    length: Array
    arc_length: Array
    line: NDArray[np.float32]
    curvature: Array
    radius_std: Array
    lowest: Array
    touches_border: NDArray[np.bool_]
    cut_ends: NDArray[np.int64]


def body_steps(
    voxels: SortedVoxels,
    grid: Grid,
    probability: NDArray[np.number] | None = None,
    *,
    every: int = 1,
) -> Steps[Bodies]:
    """Measure all fibers, some at a time; yields the share that is done.

    Parameters
    ----------
    voxels, grid
        The fibers and where their voxels lie.
    probability
        One value a voxel of the fibers, in their order.
    every
        How many voxels of a fiber each stands for.
    """
    parts = [_none()]
    for block in voxels.blocks():
        yield block.start / len(voxels.labels)
        parts.append(_measure_block(voxels, block, grid, probability, every))
    names = [field.name for field in fields(Bodies)]
    return Bodies(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    )


def _none() -> Bodies:
    vectors, numbers = np.zeros((0, 3)), np.zeros(0)
    return Bodies(
        centroid=vectors,
        extent=vectors,
        direction=vectors,
        length=numbers,
        arc_length=numbers,
        line=np.zeros((0, SAMPLES, 3), np.float32),
        curvature=numbers,
        radius_std=numbers,
        lowest=numbers,
        touches_border=np.zeros(0, np.bool_),
        cut_ends=np.zeros(0, np.int64),
    )


def _measure_block(
    voxels: SortedVoxels,
    block: slice,
    grid: Grid,
    probability: NDArray[np.number] | None,
    every: int,
) -> Bodies:
    before = int(voxels.start[block.start])
    position, start = voxels.part(block)
    counts = voxels.counts[block]
    index = np.unravel_index(position, grid.shape)
    points = np.stack(index, axis=1) * grid.spacing
    centroid = np.add.reduceat(points, start) / counts[:, None]
    points -= np.repeat(centroid, counts, axis=0)
    at_border = _at_border(index, grid)
    border = np.logical_or.reduceat(at_border, start)
    length, axis = _rods(points, start, counts, grid)
    shapes = _Shapes.of_rods(length, axis)
    cut = border.astype(np.int64)
    for i in np.flatnonzero(counts >= _FEWEST):
        volume = float(counts[i] * every * grid.voxel_volume)
        tube = Tube(volume, grid.in_plane_spacing, grid.flat, bool(border[i]))
        one = slice(start[i], start[i] + counts[i])
        given = None
        if probability is not None:
            given = probability[before + one.start : before + one.stop]
        place, step = shapes.trace(int(i), points[one], axis[i], tube, given)
        if border[i]:
            cut[i] = cut_ends(place, at_border[one][::step], float(grid.spacing.max()))
    ends = shapes.line[:, -1] - shapes.line[:, 0]
    length = np.linalg.norm(ends, axis=1)
    # A closed ring has no ends: its principal axis stands in for the direction.
    ends = np.where(length[:, None] > 1e-9, ends, axis)
    return Bodies(
        centroid,
        _extent(index, start, grid),
        upper_hemisphere(ends / np.linalg.norm(ends, axis=1, keepdims=True)),
        length,
        shapes.arc,
        (shapes.line + centroid[:, None]).astype(np.float32),
        shapes.curvature,
        shapes.radius_std,
        shapes.lowest,
        border,
        cut,
    )


@dataclass(frozen=True)
class _Shapes:
    """Lines round the centers of the bodies; rods until they are traced."""

    line: Array
    arc: Array
    curvature: Array
    radius_std: Array
    lowest: Array

    @classmethod
    def of_rods(cls, length: Array, axis: Array) -> "_Shapes":
        half = np.linspace(-0.5, 0.5, SAMPLES)[None, :, None]
        line = half * (length[:, None] * axis)[:, None]
        unknown = np.full(len(length), np.nan)
        straight = np.zeros(len(length))
        return cls(line, length.copy(), straight, unknown, unknown.copy())

    def trace(
        self,
        i: int,
        points: Array,
        axis: Array,
        tube: Tube,
        probability: NDArray[np.number] | None,
    ) -> tuple[Array, int]:
        """Fill in one fiber; give the places of every so many voxels along it."""
        line = trace_centerline(points, axis, tube)
        if line is None:
            return points @ axis, 1
        self.line[i], self.arc[i] = line.line, line.arc_length
        self.curvature[i] = line.curvature
        sections = cross_sections(line, tube, probability)
        self.radius_std[i], self.lowest[i] = sections.radius_std, sections.lowest
        return line.place, line.step


def _extent(
    index: tuple[NDArray[np.intp], ...], start: NDArray[np.int64], grid: Grid
) -> Array:
    first = np.stack([np.minimum.reduceat(i, start) for i in index], axis=1)
    last = np.stack([np.maximum.reduceat(i, start) for i in index], axis=1)
    return (last - first + 1) * grid.in_plane_spacing


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
