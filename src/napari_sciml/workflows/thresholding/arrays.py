"""Keep what is sure in a whole volume, slab by slab."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.images.tiles import Region, grid
from napari_sciml.uncertainty.threshold import ConfidenceRule

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
        bool: what is sure, and predicted at all; None without a rule.
    histogram
        Predicted voxels of the slab in each of `BINS` equal parts of the
        probabilities 0 to 1.
    """

    where: Region
    mask: np.ndarray | None
    histogram: np.ndarray


def keep_confident(
    mean: np.ndarray,
    std: np.ndarray,
    known: np.ndarray,
    *,
    index: int,
    rule: ConfidenceRule | None,
) -> Generator[SlabKept, None, None]:
    """Apply a rule to slabs of an image, some milliseconds each.

    Parameters
    ----------
    mean, std
        ``(class, …)`` over the ensemble.
    known
        bool ``(…)``: where there is a prediction.
    index
        The class, along the first axis.
    rule
        What is sure; None counts the probabilities only.
    """
    for where in slabs(known.shape):
        inside = known[where]
        mask = None
        if rule is not None:
            mask = rule.keep(mean[:, *where], std[:, *where], index) & inside
        values = mean[index][where][inside]
        yield SlabKept(where, mask, _histogram(values))


def slabs(shape: Sequence[int]) -> list[Region]:
    """Cut an image, along its first two axes, into slabs of some milliseconds each."""
    rows = min(shape[1], max(1, SLAB_VOXELS // math.prod(shape[2:])))
    planes = max(1, SLAB_VOXELS // math.prod(shape[1:]))
    return grid(shape[:2], (planes, rows))


def _histogram(values: np.ndarray) -> np.ndarray:
    # Far quicker than numpy.histogram, which sorts out float16 one by one.
    numbers = (values.astype(np.float32) * BINS).astype(np.uint8)
    return np.bincount(np.minimum(numbers, BINS - 1), minlength=BINS)
