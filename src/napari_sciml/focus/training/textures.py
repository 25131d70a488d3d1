"""In-focus images made by arithmetic, to train on.

No photograph is needed and no license asked. Nuclei, filaments, puncta,
membranes and rough surfaces, bright on dark and dark on bright.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, np.dtype[Any]]
Rng = np.random.Generator


def texture(rng: Rng, edge: int = 320) -> Array:
    """Make one sharp image ``(edge, edge)``, float32, 0 is the background."""
    kinds: list[Callable[[Rng, int], Array]] = [
        _nuclei, _nuclei, _nuclei, _filaments, _puncta, _membranes, _surface
    ]  # fmt: skip
    image = kinds[rng.integers(len(kinds))](rng, edge)
    if rng.random() < 0.35:
        other = kinds[rng.integers(len(kinds))](rng, edge)
        image = image + rng.uniform(0.1, 1.0) * other
    if rng.random() < 0.5:  # light from planes that are out of focus
        haze = gaussian_filter(np.roll(image, (edge // 3, edge // 5), (0, 1)), 12)
        image = image + rng.uniform(0.1, 0.6) * haze
    if rng.random() < 0.15:
        image = image.max() - image
    # The eye of the microscope at its best still blurs a little.
    return gaussian_filter(image, rng.uniform(0.3, 1.3)).astype(np.float32)


def _noise(rng: Rng, edge: int, slope: float) -> Array:
    """Noise of amplitude 1/f^slope, standard deviation 1."""
    fy, fx = np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :]
    gain = 1 / np.maximum(np.hypot(fy, fx), 1 / edge) ** slope
    gain[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(edge, edge))) * gain)
    return field / field.std()


def _warp(rng: Rng, edge: int, image: Array, amount: float) -> Array:
    grid = np.indices((edge, edge)).astype(float)
    shift = np.stack([_noise(rng, edge, 2.0), _noise(rng, edge, 2.0)]) * amount
    return map_coordinates(image, grid + shift, order=1, mode="wrap")


def _nuclei(rng: Rng, edge: int) -> Array:
    image, size = np.zeros((edge, edge)), float(np.exp(rng.uniform(1.6, 3.6)))
    y, x = np.indices((edge, edge))
    count = int(rng.uniform(0.08, 0.5) * edge**2 / (3 * size**2)) + 3
    for _ in range(min(count, 250)):
        cy, cx = rng.uniform(0, edge, 2)
        angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.6, 1.0)
        own = size * rng.uniform(0.7, 1.3)
        box = np.s_[max(int(cy - 2 * own), 0) : int(cy + 2 * own) + 2,
                    max(int(cx - 2 * own), 0) : int(cx + 2 * own) + 2]  # fmt: skip
        dy, dx = y[box] - cy, x[box] - cx
        u = (dy * np.cos(angle) + dx * np.sin(angle)) / own
        v = (dx * np.cos(angle) - dy * np.sin(angle)) / (own * ratio)
        radius = np.sqrt(u**2 + v**2)
        rim = np.clip((1 - radius) * own / rng.uniform(0.7, 3.0), 0, 1)
        dome = np.sqrt(np.clip(1 - radius**2, 0, 1)) if rng.random() < 0.4 else 1.0
        image[box] = np.maximum(image[box], rim * dome * rng.uniform(0.3, 1.0))
    image = _warp(rng, edge, image, rng.uniform(0, 0.15) * size)
    inside = 1 + rng.uniform(0, 0.45) * _noise(rng, edge, rng.uniform(0.5, 1.6))
    return image * np.clip(inside, 0.05, None)


def _filaments(rng: Rng, edge: int) -> Array:
    image = np.zeros((edge, edge))
    for _ in range(int(rng.uniform(8, 90))):
        steps = int(rng.uniform(0.3, 2.0) * edge)
        bend = rng.normal(0, rng.uniform(0.005, 0.08), steps).cumsum()
        angle = rng.uniform(0, 2 * np.pi) + bend
        y = (rng.uniform(0, edge) + np.sin(angle).cumsum() * 0.8) % edge
        x = (rng.uniform(0, edge) + np.cos(angle).cumsum() * 0.8) % edge
        np.add.at(image, (y.astype(int), x.astype(int)), rng.uniform(0.2, 1.0))
    width = rng.uniform(0.4, 1.6)
    image = gaussian_filter(image, width) * (1 + 3 * width)
    return image * np.clip(1 + 0.4 * _noise(rng, edge, 1.2), 0.1, None)


def _puncta(rng: Rng, edge: int) -> Array:
    image = np.zeros((edge, edge))
    count = int(np.exp(rng.uniform(4, 7.5)))
    place = rng.integers(0, edge, (2, count))
    np.add.at(image, tuple(place), rng.exponential(1.0, count))
    mask = np.clip(_noise(rng, edge, 1.6) + rng.uniform(-0.5, 1.5), 0, None)
    return gaussian_filter(image, rng.uniform(0.5, 2.0)) * mask * 8


def _membranes(rng: Rng, edge: int) -> Array:
    from scipy.spatial import cKDTree

    seeds = rng.uniform(0, edge, (int(np.exp(rng.uniform(3, 5.7))), 2))
    places = np.indices((edge, edge)).reshape(2, -1).T
    near = np.asarray(cKDTree(seeds).query(places, k=2)[0]).reshape(edge, edge, 2)
    wall = np.exp(-(((near[..., 1] - near[..., 0]) / rng.uniform(1.5, 4.0)) ** 2))
    body = rng.uniform(0, 0.4) * np.clip(1 + 0.5 * _noise(rng, edge, 1.0), 0, None)
    return _warp(rng, edge, wall, rng.uniform(0, 3)) + body


def _surface(rng: Rng, edge: int) -> Array:
    field = _noise(rng, edge, rng.uniform(0.7, 1.6))
    if rng.random() < 0.6:
        field = np.clip((field - rng.uniform(-0.5, 1.2)) * rng.uniform(1, 6), 0, 1)
    else:
        field = field - field.min()
    return field * np.clip(1 + 0.5 * _noise(rng, edge, 1.8), 0.1, None)
