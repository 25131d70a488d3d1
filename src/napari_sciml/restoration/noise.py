"""How strong the noise of an image is, and over how many voxels it hangs together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.restoration.sampling import blocks_of, counts_photons, noise_samples

LAGS = 4
"""Distances along each axis, in voxels, that the correlation is measured at."""
WHITE = 0.1
"""Lag-1 correlation below which the noise of neighbors counts as independent."""
LOOSE = 0.15
"""The same for neighbor slices: a slice is predicted from several of them."""
LEAST_NOISE = 0.005
"""Share of the range of gray values below which there is nothing to remove."""
LEAST_SLICES = 5
"""Along an axis, to predict a slice from two on each side."""
FLATTEST = 0.05
"""Share of the blocks that the noise is measured in."""
FEWEST = 6


@dataclass(frozen=True)
class NoiseReport:
    """What was measured of the noise.

    Attributes
    ----------
    axes
        Letter of each axis, ``("z", "y", "x")`` or ``("y", "x")``.
    shape
        Voxels along each axis.
    sd
        Standard deviation of the noise, in gray values.
    share
        The same as a share of the range of gray values (0.1st to 99.9th percentile).
    correlation
        For each axis the autocorrelation at the lags 1, 2 …; NaN where the image is
        too short.
    blocks
        Flat blocks that it was measured in.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    sd: float
    share: float
    correlation: tuple[tuple[float, ...], ...]
    blocks: int

    @property
    def nothing_to_remove(self) -> bool:
        """Whether the noise is below half a percent of the range."""
        return self.share < LEAST_NOISE

    @property
    def independent(self) -> bool:
        """Whether the noise of neighbors is independent along every axis."""
        return all(lags[0] < WHITE for lags in self.correlation)

    @property
    def slice_axis(self) -> int | None:
        """Axis along which slices have noise of their own; None = there is none."""
        if len(self.axes) < 3:
            return None
        firsts = [lags[0] for lags in self.correlation]
        fits = [
            axis
            for axis, (first, length) in enumerate(zip(firsts, self.shape, strict=True))
            if first < LOOSE and length >= LEAST_SLICES
        ]
        return min(fits, key=lambda axis: firsts[axis], default=None)

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels along each axis over which the noise hangs together; 0 = none."""
        return tuple(
            next((lag for lag, r in enumerate(lags) if not r >= WHITE), len(lags))
            for lags in self.correlation
        )

    @property
    def trusted(self) -> tuple[str, ...]:
        """Methods that learn from this image alone and can be trusted."""
        found = ["pixel"] if self.independent else []
        return (*found, *(["slice"] if self.slice_axis is not None else []))

    @property
    def sentence(self) -> str:
        """All of it, for a person."""
        sd = f"{self.sd:,.0f}" if self.sd >= 100 else f"{self.sd:.3g}"
        level = f"Noise is {sd} gray values ({self.share:.1%} of the range)"
        if self.nothing_to_remove:
            return f"{level}: there is nothing to remove."
        return f"{level} and {self._spread()}: {self._meaning()}."

    def _spread(self) -> str:
        reach = dict(zip(self.axes, self.reach, strict=True))
        tied = [axis for axis, voxels in reach.items() if voxels]
        if not tied:
            return "independent from voxel to voxel"
        low, high = min(reach[a] for a in tied), max(reach[a] for a in tied)
        far = f"{high}" if low == high else f"{low} to {high}"
        more = " or more" if high >= LAGS else ""
        voxels = "voxel" if high == 1 else "voxels"
        return f"correlated over {far}{more} {voxels} in {', '.join(tied)}"

    def _meaning(self) -> str:
        if self.independent:
            return "blind pixel can be trusted"
        axis = self.slice_axis
        if axis is None:
            return (
                "pixel-blind methods cannot work and slices cannot be used, so no "
                "method that learns from this image alone can be trusted"
            )
        return (
            "pixel-blind methods cannot work, but slices along "
            f"{self.axes[axis]} can be used"
        )


def noise_report(image: Any) -> NoiseReport:
    """Measure the noise in the flattest blocks of an image, whatever its size.

    At most 64 small samples are read, which takes up to two seconds. From each block
    of them a linear slope is taken off; the 5 % of the blocks that vary least are
    taken for flat. Structure that is everywhere, and blur, count as correlation, too.

    Parameters
    ----------
    image
        Array-like of gray values, ``(y, x)`` or ``(z, y, x)``; read lazily.

    Raises
    ------
    InputError
        When it has several channels, holds NaN, is constant, or too small.
    """
    shape = tuple(int(n) for n in image.shape)
    check_gray(image, shape)
    samples = noise_samples(image)
    values = np.concatenate([sample.ravel()[::3] for sample in samples])
    low, high = np.percentile(values, [0.1, 99.9])
    flat = flattest(_usable(samples, len(shape), np.dtype(image.dtype)))
    if not flat or high <= low:
        raise InputError(
            "The image is constant, at least wherever it was looked at: there is no "
            "noise to remove; look whether it is the right file."
        )
    sd = float(np.median([block.std() for block in flat]))
    lags = tuple(_autocorrelation(flat, axis) for axis in range(len(shape)))
    axes = SPATIAL_AXES[len(shape)]
    return NoiseReport(axes, shape, sd, float(sd / (high - low)), lags, len(flat))


def check_gray(image: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no gray image or too small to tell noise from structure.

    Raises
    ------
    InputError
        With one sentence.
    """
    channels = channels_of(image)
    if channels > 1 or len(shape) not in SPATIAL_AXES:
        what = f"{channels} channels" if channels > 1 else f"{len(shape)} axes"
        raise InputError(
            f"The image has {what}, but noise is removed from gray images (y, x) or "
            "(z, y, x): give one channel at a time."
        )
    if min(shape[-2:]) < 16 or min(shape) < 2:
        raise InputError(
            f"The image of {' x '.join(map(str, shape))} voxels is too small to tell "
            "noise from structure: give at least 16 x 16 pixels, and 2 slices."
        )


def flattest(blocks: list[np.ndarray], share: float = FLATTEST) -> list[np.ndarray]:
    """Blocks that vary least, their slopes taken off; constant ones do not count."""
    kept = [_without_slope(block) for block in blocks if not _is_clipped(block)]
    kept = [block for block in kept if block.std() > 0]
    kept.sort(key=lambda block: float(block.std()))
    fewest = min(FEWEST, -(-len(kept) // 4))
    return kept[: max(fewest, round(share * len(kept)))]


def _usable(samples: list[np.ndarray], ndim: int, dtype: Any) -> list[np.ndarray]:
    """Blocks of all samples; those with dead pixels of a counting detector are not.

    A gap of such a detector holds -1 or -2, where all other values are counts.
    """
    blocks = [block for sample in samples for block in blocks_of(sample, ndim)]
    if not counts_photons(samples, dtype):
        return blocks
    return [block for block in blocks if block.min() >= 0]


def _is_clipped(block: np.ndarray) -> bool:
    """Half of it is one value at its end: masked, or cut off, so not its noise."""
    low, high = block.min(), block.max()
    return bool(max((block == low).mean(), (block == high).mean()) > 0.5)


def _without_slope(block: np.ndarray) -> np.ndarray:
    """Take off the plane that fits best; the axes are orthogonal to each other."""
    rest = block - block.mean()
    for axis, n in enumerate(block.shape):
        place = np.arange(n) - (n - 1) / 2
        place = place.reshape([-1 if a == axis else 1 for a in range(block.ndim)])
        norm = float((place**2).sum()) * block.size / n
        if norm > 0:
            rest = rest - place * float((rest * place).sum() / norm)
    return rest


def _autocorrelation(blocks: list[np.ndarray], axis: int) -> tuple[float, ...]:
    """Median over blocks, as edges run through some, at the lags 1 to `LAGS`."""
    found = []
    for lag in range(1, LAGS + 1):
        if blocks[0].shape[axis] <= lag:
            found.append(float("nan"))
            continue
        ahead = [np.moveaxis(block, axis, 0) for block in blocks]
        values = [(b[lag:] * b[:-lag]).mean() / (b**2).mean() for b in ahead]
        found.append(float(np.median(values)))
    return tuple(found)
