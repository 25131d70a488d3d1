"""Where an image has no values, and whether such a mask can be filled."""

from typing import Any

import numpy as np
from scipy import ndimage

from napari_sciml.errors import InputError

FEW = 4
"""Distinct negative numbers up to which they are codes of a detector, not data."""
MOST = 0.5
WIDEST = 1 / 3


def find_gaps(image: Any) -> np.ndarray:
    """Find pixels without a value.

    They are NaN or infinite; negative, where only a few whole numbers below zero occur
    (-1 and -2 are what detectors write, while corrected images have many); the
    highest value of an unsigned type, or of 32 bits; and rows and columns of a single
    value.

    Parameters
    ----------
    image
        ``(y, x)``, or a stack ``(t, y, x)``.

    Returns
    -------
    ndarray
        True in the gaps, of the same shape.
    """
    values = np.asarray(image)
    gaps = ~np.isfinite(values)
    negative = (values < 0) & ~gaps
    codes = np.unique(values[negative])
    if len(codes) <= FEW and np.all(codes == np.round(codes)):
        gaps |= negative
    if values.dtype.kind == "u" or values.dtype == np.int32:
        gaps |= values == np.iinfo(values.dtype).max
    frames = values.reshape(-1, *values.shape[-2:])
    marked = gaps.reshape(frames.shape)
    for frame, mark in zip(frames, marked, strict=True):
        _mark_constant_lines(frame, mark)
    return gaps


def _mark_constant_lines(frame: np.ndarray, gaps: np.ndarray) -> None:
    rows = frame.min(axis=1) == frame.max(axis=1)
    columns = frame.min(axis=0) == frame.max(axis=0)
    # Of an image that is constant as a whole nothing can be told.
    if not rows.all() and not columns.all():
        gaps[rows] = True
        gaps[:, columns] = True


def check_mask(shape: tuple[int, ...], mask: Any) -> np.ndarray:
    """Make sure that a mask can be filled; give it as bool of the image's shape.

    Parameters
    ----------
    shape
        ``(y, x)`` or ``(t, y, x)`` of the image.
    mask
        Not 0 in the gaps; ``(y, x)`` for all frames, or one for each.

    Raises
    ------
    InputError
        When it has another shape, marks nothing, everything or most of the image, or
        a gap is wider than a third of the image.
    """
    gaps = np.asarray(mask) != 0
    if gaps.shape not in (shape, shape[-2:]):
        raise InputError(
            f"The mask has the shape {gaps.shape}, but the image has {shape}: give a "
            "mask of the same size."
        )
    frames = gaps.reshape(-1, *shape[-2:])
    if not frames.any():
        raise InputError("The mask marks no gap, so there is nothing to fill.")
    share = float(frames.mean(axis=(1, 2)).max())
    if share == 1:
        raise InputError(
            "The mask marks the whole image, so nothing is known to fill it from."
        )
    if share > MOST:
        raise InputError(
            f"The mask marks {share:.0%} of the image: if it marks what is known, "
            "invert it; gaps of more than half of an image cannot be filled."
        )
    different = frames if len(frames) < 50 else frames.any(axis=0)[None]
    if any(width(frame) > WIDEST * min(shape[-2:]) for frame in different):
        raise InputError(
            "A gap is wider than a third of the image, and too little is known around "
            "it: mask less, or crop the image."
        )
    return np.broadcast_to(gaps, shape)


def width(gaps: np.ndarray) -> float:
    """Diameter of the largest disk that fits into the gaps, in pixels."""
    inside = np.pad(gaps, 1)
    return 2 * float(ndimage.distance_transform_cdt(inside).max()) - 1
