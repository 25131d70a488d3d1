"""Keep what is sure in a whole volume, slab by slab."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_sciml.uncertainty.threshold import confident

SLAB_VOXELS = 2**19
BINS = 100


@dataclass(frozen=True)
class SlabKept:
    """A slab is done.

    Attributes
    ----------
    where
        The slab.
    mask
        bool: what is sure, and predicted at all.
    histogram
        Predicted voxels of the slab in each of `BINS` equal parts of the
        probabilities 0 to 1.
    """

    where: slice
    mask: np.ndarray
    histogram: np.ndarray


def keep_sure(
    mean: np.ndarray, std: np.ndarray, known: np.ndarray, *, k: float, t: float
) -> Generator[SlabKept, None, None]:
    """Apply `confident` to slabs along the first axis, some milliseconds each.

    Parameters
    ----------
    mean, std
        Of one class over the ensemble.
    known
        bool: where there is a prediction.
    k, t
        As in `confident`.
    """
    plane = max(1, int(np.prod(mean.shape[1:])))
    step = max(1, SLAB_VOXELS // plane)
    for start in range(0, len(mean), step):
        where = slice(start, start + step)
        inside = known[where]
        mask = confident(mean[where], std[where], k=k, t=t) & inside
        yield SlabKept(where, mask, _histogram(mean[where][inside]))


def _histogram(values: np.ndarray) -> np.ndarray:
    # Far quicker than numpy.histogram, which sorts out float16 one by one.
    numbers = (values.astype(np.float32) * BINS).astype(np.uint8)
    return np.bincount(np.minimum(numbers, BINS - 1), minlength=BINS)
