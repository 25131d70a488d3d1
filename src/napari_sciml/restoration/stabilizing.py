"""Noise that grows with the brightness, as photons make it, made alike everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.restoration.sampling import (
    blocks_of,
    counts_photons,
    noise_samples,
)

BINS = 8
FEWEST = 24
"""Blocks without which nothing is measured."""
QUIET = 0.25
"""Quantile of the blocks of one brightness that counts: structure is above it."""
LEAST_RATIO = 1.7
"""Of the variances of bright and dark parts, from which on it matters."""
LEAST_FIT = 0.8
"""Of the variance of the variances, that a straight line explains."""
FLOOR = 2 * np.sqrt(3 / 8)
"""What the transform makes of no photon."""
MASK = np.array([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6


@dataclass(frozen=True)
class Stabilizer:
    """The generalized Anscombe transform: after it, noise has a variance of 1.

    Starck, Murtagh and Bijaoui (1998); back by the closed form of the unbiased inverse
    of Mäkitalo and Foi, IEEE Trans. Image Process. 20 (2011) and 22 (2013), as the
    plain inverse of a mean loses photons.

    Attributes
    ----------
    gain, base
        The variance of the noise is ``base + gain * value``.
    """

    gain: float
    base: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Transform gray values; float32."""
        under = self.gain * values.astype(np.float64) + self.base
        under += 0.375 * self.gain**2
        root = np.sqrt(np.maximum(under, 0))
        return np.asarray(2 / self.gain * root, np.float32)

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Expected gray values of transformed ones that are means; float32."""
        d = np.maximum(values.astype(np.float64), FLOOR)
        root = np.sqrt(1.5)
        counts = d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8
        found = self.gain * counts - self.base / self.gain
        return np.asarray(found, np.float32)

    def slope(self, values: np.ndarray) -> np.ndarray:
        """How much gray values change with transformed ones."""
        return np.asarray(self.gain * np.maximum(values, FLOOR) / 2, np.float32)


class StabilizedImage(LazyArray):
    """An image after the transform, computed where it is read."""

    def __init__(self, image: Any, stabilizer: Stabilizer) -> None:
        super().__init__(image.shape, np.dtype(np.float32))
        self._image, self._stabilizer = image, stabilizer

    def _read(self, key: Key) -> Any:
        return self._stabilizer.apply(np.asarray(self._image[key]))


def measure_stabilizer(image: Any) -> Stabilizer | None:
    """Find how noise grows with brightness; None where it hardly does.

    For noise that is independent from pixel to pixel: its variance in a block is that
    of a difference of second order (Immerkaer 1996), which slopes do not change. A
    detector that counts photons needs no measurement.

    Parameters
    ----------
    image
        Array-like; the samples of `noise_report` are read.
    """
    samples = noise_samples(image)
    if counts_photons(samples, np.dtype(image.dtype)):
        return Stabilizer(1.0, 0.0)
    means, variances = _of_blocks(samples)
    if len(means) < FEWEST:
        return None
    parts = np.array_split(np.argsort(means), BINS)
    mean = np.array([means[part].mean() for part in parts])
    variance = np.array([np.quantile(variances[part], QUIET) for part in parts])
    if variance.min() <= 0 or np.ptp(mean) <= 0:
        return None
    weight = 1 / variance
    gain, base = np.polyfit(mean, variance, 1, w=weight)
    line = base + gain * mean
    spread = float(
        (weight**2 * (variance - np.average(variance, weights=weight**2)) ** 2).sum()
    )
    missed = float((weight**2 * (variance - line) ** 2).sum())
    ratio = float(line.max() / max(line.min(), 1e-12))
    if gain <= 0 or ratio < LEAST_RATIO or missed > (1 - LEAST_FIT) * spread:
        return None
    return Stabilizer(float(gain), float(base))


def _of_blocks(samples: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    means, variances = [], []
    for sample in samples:
        mask = MASK.reshape([1] * (sample.ndim - 2) + [3, 3])
        rough = ndimage.convolve(sample, mask, mode="reflect")
        both = (blocks_of(part, sample.ndim) for part in (sample, rough))
        for block, differences in zip(*both, strict=True):
            if block.min() < block.max():
                means.append(float(block.mean()))
                variances.append(float((differences**2).mean()))
    return np.array(means), np.array(variances)
