"""Vary crops of gray values, and their labels with them."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.targets import IGNORE

APART = 100
"""Slices further apart than this many of the finest voxels are separate images."""
CONTROL_SPACING = 8
"""Least distance of an elastic field's control points in voxels."""


def augment(
    gray: np.ndarray,
    targets: np.ndarray,
    config: AugmentationConfig,
    rng: np.random.Generator,
    *,
    spacing: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a variation of a crop.

    Flips and turns first, then one map of coordinates for rotation and elastic
    displacement, then blur, gamma, gain and offset, noise and cutout.

    Parameters
    ----------
    gray
        ``(y, x)`` or ``(z, y, x)`` float32 of about zero mean and unit spread; with
        a further last axis for several channels, which change alike: what a color
        means must not be lost.
    targets
        Class indices of the same shape, without channels; -1 = not annotated.
    config
        What to do, and how much at most.
    rng
        The only source of randomness.
    spacing
        Edge lengths of a voxel, one per axis; none = all equal. Axes of unequal
        spacing are never exchanged, rotations are rigid in space, blur is in units
        of the shortest edge, and nothing moves along axes that are not `joined`.

    Returns
    -------
    gray, targets : ndarray
        New arrays of the same shape and dtype.
    """
    dims = targets.ndim
    edges = np.ones(dims) if spacing is None else np.array(spacing, np.float64)
    gray, targets = _reorder(gray, targets, config, rng, edges)
    if config.rotation or config.elastic:
        source = _draw_source(targets.shape, config, rng, edges)
        gray, targets = resample(gray, targets, source)
    gray = _change_gray(gray, config, rng, edges)
    return _cut_out(gray.astype(np.float32, copy=False), targets, config, rng)


def joined(spacing: Sequence[float] | np.ndarray) -> np.ndarray:
    """Whether neighbors along each axis belong to one image, bool ``(ndim,)``."""
    edges = np.asarray(spacing, np.float64)
    return np.asarray(edges <= APART * edges.min())


def resample(
    gray: np.ndarray, targets: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Look gray values and targets up at the same places.

    A voxel gets the gray value at its source, interpolated linearly, and the
    target of the voxel in whose cube the source lies. So a label stays on the
    structure that it was painted on to within half a voxel, and thin strokes are
    as likely to lose a voxel as to gain one. Beyond the crop, gray values are
    mirrored and targets are not annotated.

    Parameters
    ----------
    gray, targets
        Same shape, but for a last axis of channels that gray values may have.
    source
        ``(ndim, …)`` coordinates in voxels, one column for each voxel of the
        result.
    """
    planes = [gray] if gray.ndim == targets.ndim else np.moveaxis(gray, -1, 0)
    planes = [
        ndimage.map_coordinates(plane, source, order=1, mode="mirror")
        for plane in planes
    ]
    moved = planes[0] if gray.ndim == targets.ndim else np.stack(planes, axis=-1)
    nearest = np.rint(source).astype(np.intp)
    limits = np.reshape(targets.shape, (-1, *[1] * (source.ndim - 1)))
    inside = ((nearest >= 0) & (nearest < limits)).all(0)
    nearest = np.where(inside, nearest, 0)
    return moved, np.where(inside, targets[tuple(nearest)], IGNORE)


def elastic_displacement(
    shape: tuple[int, ...], largest: float, rng: np.random.Generator
) -> np.ndarray:
    """Random smooth displacements, ``(ndim, …)`` in voxels.

    A cubic B-spline on a grid of control points. No component is longer than
    ``largest``, and since the control points move by at most a third of their
    distance, the displaced image never folds (Choi and Lee 2000, "Injectivity
    conditions of 2D and 3D uniform cubic B-spline functions": up to 0.40 in 3D
    and 0.48 in 2D).
    """
    knots = max(CONTROL_SPACING, 3 * largest)
    bases = [_spline_basis(n, knots, rng.random()) for n in shape]
    counts = [basis.shape[1] for basis in bases]
    field = rng.uniform(-largest, largest, (len(shape), *counts))
    for axis, basis in enumerate(bases, start=1):
        field = np.moveaxis(np.tensordot(field, basis, axes=(axis, 1)), -1, axis)
    return field


def shuffled_axes(
    shape: Sequence[int], edges: Sequence[float] | np.ndarray, rng: np.random.Generator
) -> list[int]:
    """A random order of the axes that leaves shape and voxel edges as they are."""
    kinds = list(zip(shape, edges, strict=True))
    order = np.arange(len(kinds))
    for kind in dict.fromkeys(kinds):
        alike = [axis for axis, other in enumerate(kinds) if other == kind]
        order[alike] = rng.permutation(alike)
    return [int(axis) for axis in order]


def _reorder(
    gray: np.ndarray,
    targets: np.ndarray,
    config: AugmentationConfig,
    rng: np.random.Generator,
    spacing: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Flip, and permute the axes that are alike; the result is a copy."""
    dims = targets.ndim
    order = list(range(dims))
    if config.turns:
        order = shuffled_axes(targets.shape, spacing, rng)
    flips: tuple[int, ...] = ()
    if config.flips:
        flips = tuple(np.flatnonzero(rng.random(dims) < 0.5).tolist())
    gray, targets = (
        np.flip(a.transpose([*order, *range(dims, a.ndim)]), flips)
        for a in (gray, targets)
    )
    return gray.copy(order="C"), targets.copy(order="C")


def _draw_source(
    shape: tuple[int, ...],
    config: AugmentationConfig,
    rng: np.random.Generator,
    spacing: np.ndarray,
) -> np.ndarray:
    """Where each voxel comes from, ``(ndim, …)``."""
    axes = [1] * len(shape)
    near = joined(spacing)
    center = (np.array(shape) - 1) / 2
    place = np.indices(shape, dtype=np.float64) - center.reshape(-1, *axes)
    if config.elastic:
        place[near] += elastic_displacement(shape, config.elastic, rng)[near]
    if config.rotation and near.sum() > 1:
        angle = np.radians(rng.uniform(-config.rotation, config.rotation))
        turn = _rotation(int(near.sum()), angle, rng)
        turn = turn * spacing[None, near] / spacing[near, None]
        place[near] = np.tensordot(turn, place[near], axes=1)
    return place + center.reshape(-1, *axes)


def _rotation(dims: int, angle: float, rng: np.random.Generator) -> np.ndarray:
    """Rotation matrix, in 3D about an axis of any direction (Rodrigues)."""
    sine, cosine = np.sin(angle), np.cos(angle)
    if dims == 2:
        return np.array([[cosine, -sine], [sine, cosine]])
    axis = rng.normal(size=3)
    a, b, c = axis = axis / np.linalg.norm(axis)
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return cosine * np.eye(3) + sine * cross + (1 - cosine) * np.outer(axis, axis)


def _spline_basis(length: int, knots: float, phase: float) -> np.ndarray:
    """Weights ``(length, control points)`` of a cubic B-spline; rows add up to 1."""
    position = np.arange(length) / knots + phase
    control = np.arange(-1, int(position[-1]) + 3)
    x = np.abs(position[:, None] - control)
    inner, outer = 2 / 3 - x**2 + x**3 / 2, np.clip(2 - x, 0, None) ** 3 / 6
    return np.where(x < 1, inner, outer)


def _change_gray(
    gray: np.ndarray,
    config: AugmentationConfig,
    rng: np.random.Generator,
    spacing: np.ndarray,
) -> np.ndarray:
    """Blur, gamma, gain and offset, noise: in the order of optics and detector."""
    space = tuple(range(len(spacing)))
    if config.blur:
        sigma = rng.uniform(0, config.blur) * spacing.min() / spacing
        sigma = np.where(joined(spacing), sigma, 0.0)
        sigma = np.append(sigma, [0.0] * (gray.ndim - len(space)))
        gray = ndimage.gaussian_filter(gray, sigma, mode="mirror", truncate=3)
    if config.gamma:
        low, spread = gray.min(space), np.ptp(gray, space)
        spread = np.where(spread == 0, np.float32(1), spread)
        power = np.exp(rng.uniform(-config.gamma, config.gamma))
        # Float32 throughout, or NumPy 1 computes the powers in double precision.
        gray = ((gray - low) / spread) ** np.float32(power) * spread + low
    if config.gain:
        gray = gray * np.float32(np.exp(rng.uniform(-config.gain, config.gain)))
    if config.offset:
        gray = gray + np.float32(rng.uniform(-config.offset, config.offset))
    if config.noise:
        noise = rng.standard_normal(gray.shape, dtype=np.float32)
        gray = gray + np.float32(rng.uniform(0, config.noise)) * noise
    return gray


def _cut_out(
    gray: np.ndarray,
    targets: np.ndarray,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Fill boxes with the mean, and drop the labels in them.

    What is behind a box cannot be seen: to ask for it would teach the network to
    be sure of what it has no evidence for. The labels beside a box stay, and have
    to do with less context.
    """
    shape = targets.shape
    mean = gray.mean(tuple(range(len(shape)))) if config.cutout else 0.0
    for _ in range(config.cutout):
        sizes = [min(config.cutout_size, n) for n in shape]
        starts = [
            int(rng.integers(0, n - size + 1))
            for n, size in zip(shape, sizes, strict=True)
        ]
        box = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
        gray[box], targets[box] = mean, IGNORE
    return gray, targets
