"""Synthetic fibers whose length and direction are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KnownFiber:
    mask: NDArray[np.uint8]
    length: float
    arc_length: float
    direction: Array


def random_direction(rng: np.random.Generator) -> Array:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def _arc(length: float, turn: float, rng: np.random.Generator) -> Array:
    """Points of a circular arc that turns by `turn` radians."""
    tangent = random_direction(rng)
    normal = np.cross(tangent, random_direction(rng))
    normal /= np.linalg.norm(normal)
    s = np.linspace(-length / 2, length / 2, 401)
    k = max(turn / length, 1e-9)
    along, aside = np.sin(k * s) / k, 2 * np.sin(k * s / 2) ** 2 / k
    return along[:, None] * tangent + aside[:, None] * normal


def _render(line: Array, radius: float, voxel_size: Array) -> NDArray[np.uint8]:
    """Voxels whose center is inside the flat-ended tube round a line."""
    low = line.min(axis=0) - radius - 2 * voxel_size
    high = line.max(axis=0) + radius + 2 * voxel_size
    shape = np.ceil((high - low) / voxel_size).astype(int) + 1
    index = np.stack(np.indices(tuple(shape)), -1).reshape(-1, 3)
    points = index * voxel_size + low
    near = cKDTree(line).query(points, distance_upper_bound=radius + 1)[1]
    index, points, near = (a[near < len(line)] for a in (index, points, near))
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    offset = points - line[near]
    along = (offset * tangent[near]).sum(axis=1)
    across = np.sqrt(np.maximum((offset**2).sum(axis=1) - along**2, 0))
    beyond = ((near == 0) & (along < 0)) | ((near == len(line) - 1) & (along > 0))
    mask = np.zeros(shape, np.uint8)
    mask[tuple(index[(across <= radius) & ~beyond].T)] = 1
    return mask


@pytest.fixture(scope="session")
def make_fiber() -> Callable[..., KnownFiber]:
    def make(
        rng: np.random.Generator,
        *,
        length: float,
        radius: float,
        turn_deg: float = 0.0,
        voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> KnownFiber:
        edges = np.array(voxel_size)
        line = _arc(length, np.radians(turn_deg), rng) + rng.random(3) * edges
        chord = line[-1] - line[0]
        span = float(np.linalg.norm(chord))
        return KnownFiber(_render(line, radius, edges), span, length, chord / span)

    return make
