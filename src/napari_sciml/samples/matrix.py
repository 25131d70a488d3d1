"""Aggregates and voids: the matrix that the fibers lie in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sciml.samples.config import MatrixSettings

SIZE_EXPONENT = 2.8
"""Number of grains of radius r goes with r to the minus this, as in graded sand."""
MAX_SHARE_OF_VOLUME = 0.2
"""Largest grain radius as a share of the shortest edge, for small volumes."""
STONE_RADIUS = 6.0
"""Grains from here on are placed before the fibers, voxels."""
NOT_A_GRAIN = np.iinfo(np.uint16).max
VOID = NOT_A_GRAIN - 1
FACETS = 9
ROUGHNESS = 0.04
TRIES = 30


@dataclass(frozen=True)
class Matrix:
    """Where aggregates and voids are.

    Attributes
    ----------
    aggregates
        uint16 ``(z, y, x)``: number of the aggregate, 0 elsewhere.
    voids
        bool ``(z, y, x)``.
    """

    aggregates: NDArray[np.uint16]
    voids: NDArray[np.bool_]

    @property
    def solid(self) -> NDArray[np.bool_]:
        """Where no fiber can be."""
        return self.voids | (self.aggregates > 0)


class Aggregates:
    """Grains and bubbles in two goes: stones before the fibers, the rest after.

    Large grains would find no room between fibers, and long fibers none between
    many small grains.

    Parameters
    ----------
    shape
        Voxels along z, y, x.
    settings
        Fractions and radii; the fractions are reached about, not exactly.
    rng
        Source of randomness.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        settings: MatrixSettings,
        rng: np.random.Generator,
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._relief = smooth_noise(shape, 2.5, rng)
        fraction, limits = settings.aggregate_fraction, settings.aggregate_radius
        radii = _radii(shape, fraction, limits, rng)
        self._stones = radii[radii >= STONE_RADIUS]
        self._sand = radii[radii < STONE_RADIUS]
        self._grains = np.zeros(shape, np.uint16)

    def place_stones(self) -> Matrix:
        """Scatter the large grains; none overlaps another."""
        for number, radius in enumerate(self._stones, start=1):
            _place(self._grains, number, radius, FACETS, self._relief, self._rng)
        return Matrix(self._grains.copy(), np.zeros(self._grains.shape, bool))

    def fill(self, fibers: NDArray[np.bool_]) -> Matrix:
        """Scatter small grains and voids where neither stones nor `fibers` are."""
        taken = self._grains
        taken[fibers] = NOT_A_GRAIN
        for number, radius in enumerate(self._sand, start=len(self._stones) + 1):
            _place(taken, number, radius, FACETS, self._relief, self._rng)
        settings = self._settings
        limits = settings.void_radius
        for radius in _radii(taken.shape, settings.void_fraction, limits, self._rng):
            _place(taken, VOID, radius, 0, self._relief, self._rng)
        grains = np.where(taken < VOID, taken, 0).astype(np.uint16)
        return Matrix(grains, taken == VOID)


def smooth_noise(
    shape: tuple[int, ...], sigma: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gaussian noise of mean 0 and standard deviation 1, correlated over `sigma`."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if sigma > 0:
        noise = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=3)
    return noise / noise.std()


def _radii(
    shape: tuple[int, ...],
    fraction: float,
    limits: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Radii, largest first, of power-law grains that fill `fraction` of the volume."""
    high = max(limits[0], min(limits[1], MAX_SHARE_OF_VOLUME * min(shape)))
    power = 1 - SIZE_EXPONENT
    wanted = fraction * np.prod(shape)
    smallest = 4 / 3 * np.pi * limits[0] ** 3
    u = rng.random(int(wanted / smallest) + 1)
    radii = (u * high**power + (1 - u) * limits[0] ** power) ** (1 / power)
    filled = np.cumsum(4 / 3 * np.pi * radii**3)
    return np.sort(radii[: np.searchsorted(filled, wanted)])[::-1]


def _place(
    taken: NDArray[np.uint16],
    number: int,
    radius: float,
    facets: int,
    relief: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Write a blob where it overlaps nothing; give up after some tries."""
    reach = int(np.ceil(1.3 * radius)) + 1
    level = _blob_level(radius, reach, facets, rng)
    for _ in range(TRIES):
        center = rng.integers(0, taken.shape)
        if taken[tuple(center)]:
            continue
        box, part = _overlap(center, reach, taken.shape)
        inside = level[part] + ROUGHNESS * relief[box] < 1
        if not taken[box][inside].any():
            taken[box][inside] = number
            return


def _blob_level(
    radius: float, reach: int, facets: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Level-set function of a blob, below 1 inside: an ellipsoid cut by facets.

    Facets turn a pebble into crushed rock; air bubbles have none.
    """
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    stretch = np.exp(rng.normal(0, 0.18 if facets else 0.05, 3))
    frame, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = (frame / (radius * stretch / np.prod(stretch) ** (1 / 3))).T
    local = grid @ matrix.T.astype(np.float32)
    level = np.sqrt((local**2).sum(axis=-1))
    if facets:
        level /= 1.1
        normals = rng.normal(size=(facets, 3))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals /= rng.uniform(0.7, 1.1, (facets, 1))
        level = np.maximum(level, (local @ normals.T.astype(np.float32)).max(axis=-1))
    return level.astype(np.float32)


def _overlap(
    center: NDArray[np.int64], reach: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Box round `center` clipped to the volume, and the same box in the blob."""
    box, part = [], []
    for c, n in zip(center, shape, strict=True):
        start, stop = max(0, c - reach), min(n, c + reach + 1)
        box.append(slice(int(start), int(stop)))
        part.append(slice(int(start - c + reach), int(stop - c + reach)))
    return tuple(box), tuple(part)
