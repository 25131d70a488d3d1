"""Stacks of made-up nuclei, as a widefield microscope would see them.

The object is thick, the sampling finer than that of the training images, most planes
are blurred beyond the last level, and the blur is convolved plane by plane: nothing
here is code that training uses, save the formula of the point-spread function.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from napari_sciml.focus.training.optics import airy_psf

Stack = tuple[str, np.ndarray, np.ndarray]
PLANES, STEP, DEPTHS = 40, 0.3, 25
"""Planes of a stack, micrometers between them, and planes of the object."""
FOCUS = 19.5
WIDTH = 151


def nuclei_stacks() -> Iterator[Stack]:
    """Name, image ``(40, 201, 101)`` and distance of each plane from focus in µm."""
    kinds: dict[str, dict[str, Any]] = {
        "0.13 µm": {},
        "0.13 µm, smooth": {"fine": 0.35},
        "0.13 µm, dim": {"photons": 150.0},
        "0.065 µm": {"pixel": 0.065, "radii": (2.5, 4.5, 2.6)},
    }
    away = np.abs(np.arange(PLANES) - FOCUS) * STEP
    for name, settings in kinds.items():
        for seed in (0, 1):
            yield name, nucleus_stack(seed, **settings), away


def nucleus_stack(
    seed: int,
    *,
    pixel: float = 0.13,
    radii: tuple[float, float, float] = (2.5, 7.5, 4.8),
    fine: float = 0.2,
    photons: float = 800.0,
) -> np.ndarray:
    """Planes of a nucleus through NA 1.4 oil; lengths in µm."""
    rng = np.random.default_rng(seed)
    nucleus = _nucleus(rng, pixel, np.array(radii), fine)
    heights = (np.arange(DEPTHS) - DEPTHS // 2) * STEP
    psfs: dict[float, np.ndarray] = {}
    planes = []
    for plane in range(PLANES):
        light = np.zeros(nucleus.shape[1:])
        for layer, height in zip(nucleus, heights, strict=True):
            z = round(abs((plane - FOCUS) * STEP - height), 3)
            if z not in psfs:
                psfs[z] = airy_psf(
                    WIDTH, z=z, pixel=pixel, wavelength=0.46, na=1.4, index=1.515
                )
            if layer.any():
                light += fftconvolve(layer, psfs[z], mode="same")
        planes.append(light)
    image = np.array(planes) / np.max(planes)
    noisy = rng.poisson(np.maximum(image, 0) * photons + 20)
    noisy = noisy + rng.normal(0, 3, image.shape) + 100
    return np.clip(noisy.round(), 0, 65535).astype(np.uint16)


def _nucleus(
    rng: np.random.Generator, pixel: float, radii: np.ndarray, fine: float
) -> np.ndarray:
    """An ellipsoid with chromatin, ``(25, 201, 101)``."""
    shape = (DEPTHS, 201, 101)
    voxel = np.array([STEP, pixel, pixel])
    middle = (np.array(shape) - 1) / 2
    places = (np.indices(shape) - middle[:, None, None, None]) * voxel[
        :, None, None, None
    ]
    radius = np.sqrt(((places / radii[:, None, None, None]) ** 2).sum(0))
    texture = np.ones(shape)
    for size, height in ((fine, 0.4), (3 * fine, 0.5)):
        noise = gaussian_filter(rng.normal(size=shape), size / voxel)
        texture += height * noise / noise.std()
    return np.clip((1 - radius) / 0.08, 0, 1) * np.clip(texture, 0.1, None)
