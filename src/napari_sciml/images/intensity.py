"""Bring gray values of any scale to about zero mean and unit spread."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_sciml.errors import InputError

UNUSABLE = (
    "The image has NaN or infinite gray values: replace them by numbers first, for "
    "instance by the median."
)
SAMPLE_EDGE = 32
SAMPLE_BLOCKS = 4


@dataclass(frozen=True)
class IntensityScale:
    """A fixed linear map of gray values: ``(value - offset) * scale``.

    It belongs to a trained model: the same map for every tile, or seams appear.
    """

    offset: float
    scale: float

    def apply(self, values: Any) -> np.ndarray:
        """Map gray values of any dtype to float32.

        Raises
        ------
        InputError
            When there are NaN or infinite values.
        """
        array = np.asarray(values)
        # Where float32 would round the values before the offset is taken off.
        wide = array.dtype.itemsize >= 4 and array.dtype != np.float32
        array = array.astype(np.float64 if wide else np.float32)
        mapped = ((array - self.offset) * self.scale).astype(np.float32, copy=False)
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
        Array-like, ``(y, x)`` or ``(z, y, x)``.
    """
    values = np.concatenate([np.ravel(block) for block in _sample_blocks(data)])
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(UNUSABLE)
    low, median, high = np.percentile(values, [2, 50, 98])
    spread = (high - low) / 2 or float(values.std()) or 1.0
    return IntensityScale(offset=float(median), scale=float(1 / spread))


def _sample_blocks(data: Any) -> list[np.ndarray]:
    regions = product(*(_sample_slices(n) for n in data.shape))
    return [np.asarray(data[region]) for region in regions]


def _sample_slices(length: int) -> list[slice]:
    if length <= SAMPLE_EDGE * SAMPLE_BLOCKS:
        return [slice(0, length)]
    starts = np.linspace(0, length - SAMPLE_EDGE, SAMPLE_BLOCKS).astype(int)
    return [slice(int(start), int(start) + SAMPLE_EDGE) for start in starts]
