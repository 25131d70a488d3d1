"""From materials to gray values: what the scanner and the reconstruction add."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sciml.samples.config import PhantomConfig
from napari_sciml.samples.matrix import Matrix, smooth_noise

GRAY_MAX = np.iinfo(np.uint16).max
RING_HEIGHT = 5.0
"""Correlation of a ring along z, sd in voxels: detector flaws drift slowly."""
SPECKLE = 2.2
"""Paste texture above this many sd is unhydrated clinker, twice as bright."""


def render(
    config: PhantomConfig,
    matrix: Matrix,
    depth: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Gray values of the phantom as a reconstructed X-ray scan.

    Parameters
    ----------
    config
        Gray levels and flaws.
    matrix
        Aggregates and voids.
    depth
        float32 ``(z, y, x)``: signed distance to the nearest fiber surface in
        voxels, negative inside; voxels that it cuts are mixed.
    rng
        Source of randomness.

    Returns
    -------
    image
        uint16 ``(z, y, x)``.
    """
    gray = _materials(config, matrix, depth, rng)
    if config.blur > 0:
        gray = ndimage.gaussian_filter(gray, config.blur, truncate=3)
    gray *= _cupping(config)
    gray += config.rings * _rings(config.shape, rng)
    gray += config.noise * smooth_noise(config.shape, config.noise_grain, rng)
    gray += config.white_noise * smooth_noise(config.shape, 0, rng)
    return np.rint(np.clip(gray, 0, 1) * GRAY_MAX).astype(np.uint16)


def _materials(
    config: PhantomConfig,
    matrix: Matrix,
    depth: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    texture = smooth_noise(config.shape, 1.2, rng)
    speckle = np.maximum(texture - SPECKLE, 0)
    gray = config.paste_gray + config.paste_texture * (texture + 3 * speckle)
    rock = matrix.aggregates > 0
    shades = _aggregate_grays(config, int(matrix.aggregates.max()), rng)
    # The paste's texture, mirrored, serves the rock: it costs nothing.
    grain = texture[::-1, ::-1, ::-1][rock]
    gray[rock] = shades[matrix.aggregates[rock]] + config.aggregate_texture * grain
    gray[matrix.voids] = config.void_gray
    share = np.clip(0.5 - depth, 0, 1)
    return (gray + share * (config.fiber_gray - gray)).astype(np.float32)


def _aggregate_grays(
    config: PhantomConfig, n: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gray of each aggregate, by its number; 0 stands for none."""
    dull = rng.normal(config.aggregate_gray, config.aggregate_spread, n + 1)
    bright = rng.normal(config.fiber_gray, 0.3 * config.aggregate_spread, n + 1)
    grays = np.where(rng.random(n + 1) < config.bright_share, bright, dull)
    return grays.astype(np.float32)


def _radius_map(shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Distance to the axis of rotation in voxels, ``(y, x)``."""
    y, x = (np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in shape[1:])
    return np.hypot(y[:, None], x[None, :])


def _cupping(config: PhantomConfig) -> NDArray[np.float32]:
    """Beam hardening darkens the axis; mean about 1, ``(y, x)``."""
    radius = _radius_map(config.shape)
    rim = max(config.shape[1:]) / 2
    return (1 + config.cupping * ((radius / rim) ** 2 - 0.6)).astype(np.float32)


def _rings(
    shape: tuple[int, int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Concentric rings round the z axis, of standard deviation about 1."""
    radius = _radius_map(shape)
    n = int(radius.max()) + 2
    # A heavy tail: most detector columns are good, a few are not.
    profile = rng.standard_t(3, (shape[0], n)).astype(np.float32)
    sigma = (min(RING_HEIGHT, shape[0] / 8), 0.5)
    profile = ndimage.gaussian_filter(profile, sigma, mode="nearest")
    profile /= profile.std()
    low = np.floor(radius).astype(int)
    share = radius - low
    return profile[:, low] * (1 - share) + profile[:, low + 1] * share
