"""What the independent phantoms are put together from: curves, grains, artifacts.

Nothing here knows the package, so that no phantom of the package's own make, and no
choice that was made on one, can find its way into the test images.
"""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

Rng = np.random.Generator


class Canvas:
    """Tubes drawn so far: how deep each voxel lies in one, and in which."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.depth = np.full(shape, -1e3, np.float32)
        self.labels = np.zeros(shape, np.uint16)
        self.count = 0

    def tube(self, points: np.ndarray, radii: np.ndarray, clearance: float) -> bool:
        """Draw a line ``(n, axes)`` of some radius; False where others are too near."""
        parts = [self._part(*pair) for pair in _pairs(points, radii)]
        parts = [part for part in parts if part is not None]
        if not parts or any(
            (self.labels[box][depth > -clearance] > 0).any() for box, depth in parts
        ):
            return False
        self.count += 1
        for box, depth in parts:
            self.labels[box][depth > 0] = self.count
            np.maximum(self.depth[box], depth, out=self.depth[box])
        return True

    def coverage(self) -> np.ndarray:
        """Share of each voxel that is tube: whole inside, a ramp at the rim."""
        return np.clip(self.depth + 0.5, 0, 1)

    def _part(
        self, a: np.ndarray, b: np.ndarray, radius: float
    ) -> tuple[tuple[slice, ...], np.ndarray] | None:
        """Depth round one straight piece, and the box where it was computed."""
        low = np.floor(np.minimum(a, b) - radius - 2).astype(int).clip(0)
        high = np.ceil(np.maximum(a, b) + radius + 3).astype(int)
        high = np.minimum(high, self.depth.shape)
        if (low >= high).any():
            return None
        box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1)
        along = b - a
        t = ((grid - a) @ along / max(float(along @ along), 1e-9)).clip(0, 1)
        return box, radius - np.linalg.norm(grid - a - t[..., None] * along, axis=-1)


def _pairs(
    points: np.ndarray, radii: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    radii = np.broadcast_to(radii, len(points))
    for start in range(len(points) - 1):
        yield points[start], points[start + 1], float(radii[start])


def bent_line(
    rng: Rng, middle: np.ndarray, direction: np.ndarray, length: float, sag: float
) -> np.ndarray:
    """A line with the shape of a parabola that is ``sag`` voxels high."""
    across = np.cross(direction, rng.normal(size=3))
    across /= np.linalg.norm(across)
    t = np.linspace(-1, 1, max(int(length / 6), 2))[:, None]
    return middle + t * length / 2 * direction + sag * (1 - t**2) * across


def wander(
    rng: Rng, start: np.ndarray, direction: np.ndarray, steps: int, turn: float
) -> np.ndarray:
    """A random walk in steps of three voxels whose direction drifts, never jumps."""
    points, drift = [start], np.zeros_like(direction)
    for _ in range(steps):
        drift = 0.8 * drift + turn * rng.normal(size=direction.shape)
        direction = direction + drift
        direction = direction / np.linalg.norm(direction)
        points.append(points[-1] + 3 * direction)
    return np.array(points)


def unit(rng: Rng, axes: int = 3) -> np.ndarray:
    """A direction, all alike."""
    vector = rng.normal(size=axes)
    return vector / np.linalg.norm(vector)


def voronoi_grains(
    rng: Rng, shape: tuple[int, ...], cells: int, share: float, gap: float
) -> np.ndarray:
    """Numbers of polyhedral grains (0 = between them), a share of Voronoi's cells."""
    seeds = rng.random((cells, len(shape))) * shape
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    near, which = cKDTree(seeds).query(grid.reshape(-1, len(shape)), k=2)
    # Grains of varied size: the gap to the neighbor is each cell's own.
    gaps = gap * rng.uniform(0.6, 3.0, cells)[which[:, 0]]
    kept = (rng.random(cells) < share)[which[:, 0]]
    inside = kept & (near[:, 1] - near[:, 0] > gaps)
    return np.where(inside, which[:, 0] + 1, 0).reshape(shape)


def ellipsoids(
    rng: Rng,
    shape: tuple[int, ...],
    count: int,
    radius: tuple[float, float],
    stretch: float = 1.0,
) -> np.ndarray:
    """How deep each voxel lies in the nearest of some blobs, about in voxels."""
    depth = np.full(shape, -1e3, np.float32)
    for _ in range(count):
        center = rng.random(len(shape)) * shape
        r = rng.uniform(*radius)
        axes = r * stretch ** rng.uniform(-1, 1, len(shape))
        reach = axes.max() + 2
        low = np.floor(center - reach).astype(int).clip(0)
        high = np.minimum(np.ceil(center + reach).astype(int), shape)
        if (low >= high).any():
            continue
        box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1)
        new = r * (1 - np.linalg.norm((grid - center) / axes, axis=-1))
        np.maximum(depth[box], new, out=depth[box])
    return depth


def smooth_noise(rng: Rng, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    """Noise with a correlation length, of standard deviation one."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), sigma, mode="wrap")
    return noise / noise.std()


def polar(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Distance to an axis of rotation near the middle of the slices (y, x)."""
    center = [n / 2 + rng.uniform(-0.2, 0.2) * n for n in shape[-2:]]
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    return np.hypot(y - center[0], x - center[1])


def rings(rng: Rng, shape: tuple[int, ...], count: int, height: float) -> np.ndarray:
    """Arcs round the axis; they come and go along it, as detectors drift."""
    radius, out = polar(rng, shape), np.zeros(shape, np.float32)
    for _ in range(count):
        at, width = rng.uniform(3, max(shape)), rng.uniform(0.5, 1.2)
        ring = np.exp(-0.5 * ((radius - at) / width) ** 2)
        drift = smooth_noise(rng, shape[:1], shape[0] / 6)[:, None, None]
        out += height * rng.normal() * ring * (0.6 + 0.4 * drift)
    return out


def cupping(rng: Rng, shape: tuple[int, ...], depth: float) -> np.ndarray:
    """A factor that is smaller in the middle of the sample (beam hardening)."""
    radius = polar(rng, shape) / max(shape[-2:])
    return np.broadcast_to(1 - depth * np.exp(-((radius / 0.45) ** 2)), shape)


def streaks(rng: Rng, shape: tuple[int, ...], count: int, height: float) -> np.ndarray:
    """Bright and dark rays from dense specks, each through some slices."""
    out = np.zeros(shape, np.float32)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    for _ in range(count):
        at, angle = rng.random(3) * shape, rng.uniform(0, np.pi)
        along = (y - at[1]) * np.cos(angle) + (x - at[2]) * np.sin(angle)
        aside = (y - at[1]) * np.sin(angle) - (x - at[2]) * np.cos(angle)
        ray = np.exp(-0.5 * (aside / rng.uniform(0.8, 2)) ** 2)
        ray = ray * np.exp(-np.abs(along) / (0.5 * shape[1]))
        slices = np.exp(-0.5 * ((z - at[0]) / rng.uniform(2, 6)) ** 2)
        out += height * rng.normal() * ray * slices
    return out


def detector(
    rng: Rng, image: np.ndarray, counts: float, blur: float, grain: float
) -> np.ndarray:
    """Blur of the optics, counting noise, and the correlated noise of filtering."""
    image = ndimage.gaussian_filter(image, blur).clip(0)
    noisy = rng.poisson(image * counts) / counts
    return (noisy + grain * smooth_noise(rng, image.shape, 0.9)).astype(np.float32)
