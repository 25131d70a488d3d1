"""Bring gray values of any scale to about zero mean and unit spread."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of

UNUSABLE = (
    "The image has NaN or infinite gray values: replace them by numbers first, for "
    "instance by the median."
)
FAR_OFFSET = 1.0
"""From the median of one image to that of another, in units of its spread."""
FAR_SCALE = 2.0
SAMPLE_EDGE = 32
SAMPLE_BLOCKS = 4


@dataclass(frozen=True)
class IntensityScale:
    """A fixed linear map of gray values: ``(value - offset) * scale``.

    It belongs to a trained model: the same map for every tile, or seams appear.

    Attributes
    ----------
    offset, scale
        A number each; for images of several channels a tuple with one for each.
    per_image
        Whether it was learned from images of several gray scales, each of which was
        brought to this one: then other images are, too; see `for_image`.

    Raises
    ------
    InputError
        When there are not as many offsets as scales.
    """

    offset: float | tuple[float, ...]
    scale: float | tuple[float, ...]
    per_image: bool = False

    def __post_init__(self) -> None:
        if np.shape(self.offset) != np.shape(self.scale):
            raise InputError(
                f"There must be a scale for each offset, but they are {self.scale} "
                f"and {self.offset}."
            )

    @property
    def channels(self) -> int:
        """Of the images that it is for."""
        return len(self.offset) if isinstance(self.offset, tuple) else 1

    def for_image(self, data: Any) -> "IntensityScale":
        """Give the scale to look at an image with: this one, or the image's own.

        Parameters
        ----------
        data
            Array-like; a sample is read where the scale is `per_image`.
        """
        if not self.per_image:
            return self
        own = estimate_intensity(data)
        return own if is_far(self, own) else self

    def apply(self, values: Any) -> np.ndarray:
        """Map gray values of any dtype to float32.

        Parameters
        ----------
        values
            ``(…)``, or ``(…, channel)`` where there are several.

        Raises
        ------
        InputError
            When there are NaN or infinite values.
        """
        array = np.asarray(values)
        # Where float32 would round the values before the offset is taken off.
        wide = array.dtype.itemsize >= 4 and array.dtype != np.float32
        kind: Any = np.float64 if wide else np.float32
        offset, scale = (np.asarray(x, kind) for x in (self.offset, self.scale))
        with _without_warnings():
            array = array.astype(kind)
            mapped = ((array - offset) * scale).astype(np.float32, copy=False)
        if not np.isfinite(mapped).all():
            raise InputError(UNUSABLE)
        return mapped


def estimate_intensity(data: Any) -> IntensityScale:
    """Estimate the scale from small blocks spread evenly over the image.

    The offset is the median and the unit is half the distance between the 2nd
    and the 98th percentile, so that a few very bright or dark voxels do not
    matter. A lazy volume is read in at most 64 (3D) or 16 (2D) small blocks.

    Parameters
    ----------
    data
        Array-like, ``(y, x)`` or ``(z, y, x)``; each channel has its own scale.
    """
    channels = channels_of(data)
    rows = [block.reshape(-1, channels) for block in _sample_blocks(data)]
    values = doubles(np.concatenate(rows))
    if not np.isfinite(values).all():
        raise InputError(UNUSABLE)
    scales = [_estimate(np.ascontiguousarray(column)) for column in values.T]
    if channels == 1:
        return IntensityScale(*scales[0])
    offsets, factors = zip(*scales, strict=True)
    return IntensityScale(offset=offsets, scale=factors)


def is_far(one: IntensityScale, other: IntensityScale) -> bool:
    """Whether who expects one scale sees something else in the other."""
    first, second = np.atleast_1d(one.scale), np.atleast_1d(other.scale)
    moved = np.abs(np.subtract(one.offset, other.offset)) * first
    ratio = np.maximum(first / second, second / first)
    return bool(np.any(moved > FAR_OFFSET) or np.any(ratio > FAR_SCALE))


def doubles(values: np.ndarray) -> np.ndarray:
    """Give numbers as float64; those that are NaN stay so, without a warning.

    numpy warns when it widens a NaN whose first bit is not set, as damaged files hold
    them, and a viewer shows that to its user.

    Returns
    -------
    ndarray
        The same array where it is float64 already.
    """
    with _without_warnings():
        return values.astype(np.float64, copy=False)


def _without_warnings() -> np.errstate:
    """Numpy warns of numbers that are no gray values; who computes refuses them."""
    return np.errstate(invalid="ignore", over="ignore")


def _estimate(values: np.ndarray) -> tuple[float, float]:
    """Offset and scale of the values of one channel."""
    low, median, high = np.percentile(values, [2, 50, 98])
    spread = (high - low) / 2 or float(values.std()) or 1.0
    return float(median), float(1 / spread)


def _sample_blocks(data: Any) -> list[np.ndarray]:
    regions = product(*(_sample_slices(n) for n in data.shape))
    return [np.asarray(data[region]) for region in regions]


def _sample_slices(length: int) -> list[slice]:
    if length <= SAMPLE_EDGE * SAMPLE_BLOCKS:
        return [slice(0, length)]
    starts = np.linspace(0, length - SAMPLE_EDGE, SAMPLE_BLOCKS).astype(int)
    return [slice(int(start), int(start) + SAMPLE_EDGE) for start in starts]
