"""Phantoms of fiber concrete in X-ray tomography, with the truth known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from napari_sciml.errors import InputError
from napari_sciml.samples.arcs import Points
from napari_sciml.samples.centerlines import (
    STEP,
    Fiber,
    place_fibers,
    visible_points,
)
from napari_sciml.samples.config import PhantomConfig
from napari_sciml.samples.imaging import render
from napari_sciml.samples.matrix import Aggregates

__all__ = ["Phantom", "PhantomConfig", "make_phantom"]

MIN_EDGE = 32
MAX_VOXELS = 2**28
"""More would take hours, and more numbers than uint16 has."""
MARGIN = 1.5
"""Distances are known this far outside of a fiber, voxels."""
PASTE_COAT = 0.75
"""Least paste between a fiber and small grains or voids, voxels."""
ROUNDING = 1e-6


@dataclass(frozen=True)
class Phantom:
    """A volume and all that is true about its fibers.

    Attributes
    ----------
    image
        uint16 ``(z, y, x)``.
    labels
        uint16 ``(z, y, x)``: number of the fiber, 0 where there is none. A voxel
        belongs to a fiber if its center is inside the cylinder, ends cut flat.
    fibers
        A row a fiber: ``label``; ``length`` (along the visible centerline),
        ``full_length`` (with what lies beyond the border), ``end_to_end`` and
        ``radius``, in `unit`; ``dz, dy, dx``, the unit vector from end to end, the
        sign such that dz >= 0; ``theta_deg``, its angle to the z axis (0 to 90), and
        ``phi_deg``, its azimuth from x towards y (-180 to 180); ``touches_border``;
        ``voxels``.
    centerlines
        For each row an ``(n, 3)`` array of points (z, y, x) in voxels, inside the
        volume, about half a voxel apart.
    voxel_size
        Edge of a voxel in `unit`; voxels are cubes.
    unit
        Unit of length.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    fibers: pd.DataFrame
    centerlines: tuple[Points, ...]
    voxel_size: float
    unit: str


def make_phantom(config: PhantomConfig | None = None) -> Phantom:
    """Make a phantom; the same configuration gives the same bytes.

    Matrix, fibers and scan have random streams of their own: other noise leaves
    the fibers where they are.

    Parameters
    ----------
    config
        What to make; by default a 128 x 128 x 128 volume that takes seconds.

    Raises
    ------
    InputError
        For a volume with an edge under 32 voxels, with over 268 million voxels, or
        too small for its fibers.
    """
    config = config or PhantomConfig()
    _check_shape(config.shape)
    streams = np.random.default_rng(config.seed).spawn(3)
    aggregates = Aggregates(config.shape, config, streams[0])
    stones = aggregates.place_stones()
    fibers = place_fibers(config.shape, config, stones.solid, streams[1])
    labels, depth = _paint(config.shape, fibers)
    matrix = aggregates.fill(depth < PASTE_COAT)
    image = render(config, matrix, depth, streams[2])
    centerlines = tuple(visible_points(f.points, config.shape) for f in fibers)
    table = _truth(labels, fibers, centerlines, config.voxel_size)
    return Phantom(image, labels, table, centerlines, config.voxel_size, config.unit)


def _check_shape(shape: tuple[int, int, int]) -> None:
    if min(shape) < MIN_EDGE:
        raise InputError(
            f"The shape {shape} is too small for a phantom: "
            f"give at least {MIN_EDGE} voxels along each axis."
        )
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise InputError(
            f"The shape {shape} is too large for a phantom: "
            f"give at most {MAX_VOXELS // 10**6} million voxels."
        )


def _paint(
    shape: tuple[int, int, int], fibers: list[Fiber]
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Labels, and the signed distance to the nearest fiber surface in voxels."""
    labels = np.zeros(shape, np.uint16)
    depth = np.full(shape, MARGIN, np.float32)
    for number, fiber in enumerate(fibers, start=1):
        voxels = _voxels_near(fiber, shape)
        here = _signed_distance(voxels, fiber)
        index = tuple(voxels.T)
        nearer = here < depth[index]
        index = tuple(voxels[nearer].T)
        depth[index] = here[nearer]
        labels[index] = np.where(here[nearer] <= ROUNDING, number, labels[index])
    return labels, depth


def _voxels_near(fiber: Fiber, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Voxels ``(n, 3)`` that may be within `MARGIN` of the fiber: beads on a string."""
    reach = int(np.ceil(fiber.radius + MARGIN + 2))
    axis = np.arange(-reach, reach + 1)
    ball = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    ball = ball[(ball**2).sum(axis=1) <= reach**2]
    every = max(1, round(2 / STEP))
    beads = np.rint(np.vstack([fiber.points[::every], fiber.points[-1:]])).astype(int)
    voxels = (beads[:, None] + ball).reshape(-1, 3)
    voxels = voxels[np.all((voxels >= 0) & (voxels < shape), axis=1)]
    flat = np.unique(np.ravel_multi_index(tuple(voxels.T), shape))
    return np.stack(np.unravel_index(flat, shape), axis=1)


def _signed_distance(voxels: NDArray[np.int64], fiber: Fiber) -> NDArray[np.float32]:
    """Distance of each voxel to the surface of a flat-ended cylinder."""
    points = fiber.points
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    nearest = cdist(voxels, points, "sqeuclidean").argmin(axis=1)
    offset = voxels - points[nearest]
    axial = (offset * tangents[nearest]).sum(axis=1)
    radial = np.sqrt(np.maximum((offset**2).sum(axis=1) - axial**2, 0))
    beyond = np.select([nearest == 0, nearest == len(points) - 1], [-axial, axial], -1)
    return np.maximum(radial - fiber.radius, beyond).astype(np.float32)


def _truth(
    labels: NDArray[np.uint16],
    fibers: list[Fiber],
    centerlines: tuple[Points, ...],
    voxel_size: float,
) -> pd.DataFrame:
    """The table of `Phantom.fibers`."""
    n = len(fibers)
    counts = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    chords = np.array([line[-1] - line[0] for line in centerlines])
    spans = np.linalg.norm(chords, axis=1)
    directions = chords / spans[:, None]
    directions *= np.where(directions[:, :1] < 0, -1.0, 1.0)
    dz, dy, dx = directions.T
    steps = [np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in centerlines]
    return pd.DataFrame(
        {
            "label": np.arange(1, n + 1),
            "length": np.array(steps) * voxel_size,
            "full_length": np.array([f.length for f in fibers]) * voxel_size,
            "end_to_end": spans * voxel_size,
            "radius": np.array([f.radius for f in fibers]) * voxel_size,
            "dz": dz,
            "dy": dy,
            "dx": dx,
            "theta_deg": np.degrees(np.arccos(np.clip(dz, 0, 1))),
            "phi_deg": np.degrees(np.arctan2(dy, dx)),
            "touches_border": _on_border(labels, n),
            "voxels": counts,
        }
    )


def _on_border(labels: NDArray[np.uint16], n: int) -> NDArray[np.bool_]:
    """For fibers 1 to n, whether a voxel lies on a face of the volume."""
    touching = np.zeros(n + 1, bool)
    for axis in range(labels.ndim):
        for face in (0, -1):
            touching[np.unique(labels.take(face, axis=axis))] = True
    return touching[1:]
