"""Small samples of an image of any size, and small blocks of those."""

import math
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import UNUSABLE

BLOCK = {2: (16, 16), 3: (8, 16, 16)}
SAMPLE = {2: (64, 64), 3: (32, 32, 32)}
PLACES = {2: 8, 3: 4}
"""Samples along each axis: 64 in all, whatever the size of the image."""
SECONDS = 1.5
"""After which no more samples are read, where the disk is slow."""
MANY = 200
"""Blocks from which on they need not overlap."""
LEAST_SAMPLES = 6


def noise_samples(image: Any) -> list[np.ndarray]:
    """Read the samples that the noise is measured in, float64.

    Raises
    ------
    InputError
        When they hold values that are not finite.
    """
    shape = tuple(int(n) for n in image.shape)
    return [_finite(sample) for sample in _samples(image, shape)]


def _samples(image: Any, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    edges, places = SAMPLE[len(shape)], PLACES[len(shape)]
    starts = [_starts(n, edge, places) for n, edge in zip(shape, edges, strict=True)]
    corners = list(product(*starts))
    # Far apart ones first: a slow disk may not let all be read.
    order = np.random.default_rng(0).permutation(len(corners))
    began = time.monotonic()
    for count, index in enumerate(order):
        if count >= LEAST_SAMPLES and time.monotonic() - began > SECONDS:
            return
        corner = corners[index]
        yield np.asarray(
            image[tuple(slice(a, a + e) for a, e in zip(corner, edges, strict=True))]
        )


def _starts(length: int, edge: int, places: int) -> list[int]:
    if length <= edge:
        return [0]
    count = min(places, -(-length // edge))
    return sorted({int(a) for a in np.linspace(0, length - edge, count)})


def _finite(sample: np.ndarray) -> np.ndarray:
    values = sample.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(UNUSABLE)
    return values


def counts_photons(samples: list[np.ndarray], dtype: Any) -> bool:
    """Whether these are counts: signed integers whose only negative ones are marks."""
    lowest = min(float(sample.min()) for sample in samples)
    return dtype.kind == "i" and lowest in (-1, -2)


def blocks_of(sample: np.ndarray, ndim: int) -> list[np.ndarray]:
    """Cut a sample into small blocks, overlapping by half where they are few."""
    edges = [min(e, n) for e, n in zip(BLOCK[ndim], sample.shape, strict=True)]
    few = math.prod(n // e for n, e in zip(sample.shape, edges, strict=True)) < MANY
    starts = [
        range(0, n - e + 1, max(1, e // 2) if few else e)
        for n, e in zip(sample.shape, edges, strict=True)
    ]
    return [
        sample[tuple(slice(a, a + e) for a, e in zip(corner, edges, strict=True))]
        for corner in product(*starts)
    ]
