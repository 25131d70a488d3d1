"""Fibers as circular arcs that keep clear of each other and of the matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist

from napari_sciml.errors import InputError
from napari_sciml.samples.arcs import Arc, Points, perpendicular, random_directions
from napari_sciml.samples.config import FiberSettings

STEP = 0.5
"""Distance of the samples of a centerline, voxels."""
COARSE = 2
"""Reduction of the map of distances to the matrix."""
MATRIX_GAP = 0.5
MIN_VISIBLE = 8.0
"""Least length of a fiber inside the volume, voxels: less is a dot, not a fiber."""
POSES = 64
BATCHES = 12
MISFITS = 25
"""Fibers that may fail to find a place before the volume counts as full."""
BUNDLE_TILT = 0.06


@dataclass(frozen=True)
class Fiber:
    """A bent cylinder.

    Attributes
    ----------
    arc
        Its centerline.
    points
        ``(n, 3)`` samples of the whole centerline, `STEP` apart or a bit less,
        those outside of the volume too.
    radius, length
        In voxels.
    """

    arc: Arc
    points: Points
    radius: float
    length: float


def place_fibers(
    shape: tuple[int, int, int],
    settings: FiberSettings,
    solid: NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[Fiber]:
    """Place fibers one by one, each in the first random pose that is free.

    Parameters
    ----------
    shape
        Voxels along z, y, x.
    settings
        How many fibers, how large, how arranged.
    solid
        bool, of `shape`: where no fiber can be.
    rng
        Source of randomness.

    Raises
    ------
    InputError
        Where the volume is full before the wanted amount of fiber is reached.
    """
    gap = _distance_to(solid)
    fibers: list[Fiber] = []
    misfits, fraction = 0, 0.0
    while not _enough(settings, len(fibers), fraction):
        fiber = _find_place(shape, settings, gap, fibers, rng)
        if fiber is None:
            misfits += 1
            if misfits > MISFITS:
                raise InputError(
                    f"Only {len(fibers)} fibers fit into the volume: lower n_fibers "
                    "or volume_fraction, clearance or aggregate_fraction."
                )
            continue
        fibers.append(fiber)
        visible = (len(visible_points(fiber.points, shape)) - 1) * STEP
        fraction += np.pi * fiber.radius**2 * visible / np.prod(shape)
    return fibers


def visible_points(points: Points, shape: tuple[int, ...]) -> Points:
    """The points of a centerline that are inside the volume."""
    return points[_inside(points, shape)]


def _inside(points: Points, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Voxel i reaches from i - 0.5 to i + 0.5."""
    return np.all((points >= -0.5) & (points < np.array(shape) - 0.5), axis=-1)


def _enough(settings: FiberSettings, count: int, fraction: float) -> bool:
    if settings.n_fibers is not None:
        return count >= settings.n_fibers
    return fraction >= settings.volume_fraction


def _distance_to(solid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the matrix in voxels, on a coarse grid to be quick."""
    widths = [(0, -n % COARSE) for n in solid.shape]
    padded = np.pad(solid, widths)
    blocks = padded.reshape([m for n in padded.shape for m in (n // COARSE, COARSE)])
    coarse = np.asarray(blocks.any(axis=(1, 3, 5)))
    if not coarse.any():
        return np.full(coarse.shape, np.inf, np.float32)
    return (COARSE * ndimage.distance_transform_edt(np.logical_not(coarse))).astype(
        np.float32
    )


def _find_place(
    shape: tuple[int, int, int],
    settings: FiberSettings,
    gap: NDArray[np.float32],
    fibers: list[Fiber],
    rng: np.random.Generator,
) -> Fiber | None:
    """Draw a fiber's size, then poses until one is free."""
    radius = max(0.8, rng.normal(settings.radius_mean, settings.radius_sd))
    length = rng.normal(settings.length_mean, settings.length_sd)
    length = max(MIN_VISIBLE + 1, 0.3 * settings.length_mean, length)
    bundle = bool(fibers) and rng.random() < settings.bundled
    clearance = 0.0 if bundle else settings.clearance
    s = np.linspace(-length / 2, length / 2, int(np.ceil(length / STEP)) + 1)
    for _ in range(BATCHES):
        if bundle:
            parent = fibers[rng.integers(len(fibers))]
            arcs = _poses_along(parent, radius, rng)
        else:
            arcs = _free_poses(shape, settings, length, rng)
        points = arcs.at(s)
        for i in np.flatnonzero(_is_clear_of_matrix(points, radius, shape, gap)):
            if _is_clear_of_fibers(points[i], radius + clearance, fibers):
                return Fiber(arcs.pose(int(i)), points[i], radius, length)
    return None


def _free_poses(
    shape: tuple[int, int, int],
    settings: FiberSettings,
    length: float,
    rng: np.random.Generator,
) -> Arc:
    """Poses all over the volume and a rim round it, so that the border cuts some."""
    rim = length / 2
    low, high = np.full(3, -rim), np.array(shape) - 1 + rim
    center = rng.uniform(low, high, (POSES, 3))
    tangent = random_directions(
        np.array(settings.direction), settings.concentration, POSES, rng
    )
    turn = np.abs(rng.normal(0, settings.bending, POSES))
    return Arc(center, tangent, perpendicular(tangent, rng), turn / length)


def _poses_along(parent: Fiber, radius: float, rng: np.random.Generator) -> Arc:
    """Poses that touch `parent` and run nearly along it."""
    tangent = parent.arc.tangent + rng.normal(0, BUNDLE_TILT, (POSES, 3))
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    aside = perpendicular(np.tile(parent.arc.tangent, (POSES, 1)), rng)
    distance = parent.radius + radius + rng.uniform(0, 0.6, (POSES, 1))
    slide = rng.uniform(-0.25, 0.25, (POSES, 1)) * parent.length
    center = parent.arc.at(slide)[:, 0] + distance * aside
    normal = parent.arc.normal - (tangent @ parent.arc.normal)[:, None] * tangent
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Arc(center, tangent, normal, np.full(POSES, parent.arc.curvature))


def _is_clear_of_matrix(
    points: Points, radius: float, shape: tuple[int, ...], gap: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Poses ``(p, n, 3)`` visible in one piece, long enough, and out of the matrix."""
    inside = _inside(points, shape)
    long_enough = (inside.sum(axis=1) - 1) * STEP >= MIN_VISIBLE
    pieces = np.diff(inside.astype(np.int8), axis=1, prepend=0) > 0
    one_piece = pieces.sum(axis=1) == 1
    room = gap[tuple(np.moveaxis(_mirrored(points, shape) // COARSE, -1, 0))]
    return long_enough & one_piece & (room.min(axis=1) > radius + MATRIX_GAP)


def _mirrored(points: Points, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Voxels of the points, those outside reflected into the volume.

    The matrix thus goes on beyond the border. Without it there would be more room
    outside, and most fibers would be stumps.
    """
    last = np.array(shape) - 1
    index = np.abs(np.rint(points).astype(np.int64)) % (2 * last)
    return last - np.abs(index - last)


def _is_clear_of_fibers(points: Points, reach: float, fibers: list[Fiber]) -> bool:
    """Whether no centerline is nearer than `reach` plus the other fiber's radius."""
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    for other in fibers:
        far = other.radius
        if np.any(other.points.min(axis=0) - far > high):
            continue
        if np.any(other.points.max(axis=0) + far < low):
            continue
        distance = cdist(points[::2], other.points[::2], "sqeuclidean").min()
        if distance < (reach + other.radius) ** 2:
            return False
    return True
