"""What of an image, and of a center, can be filled from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_sciml.errors import InputError


def check_image(image: Any) -> np.ndarray:
    """Give the frames ``(t, y, x)`` float32 of an image or a stack.

    Raises
    ------
    InputError
        When it is neither, or a color image.
    """
    shape = np.shape(image)
    if len(shape) == 3 and shape[-1] in (3, 4):
        raise InputError(
            "A color image has no counts to fill: give a gray image, or a stack "
            "of them."
        )
    if len(shape) not in (2, 3) or min(shape) < 1 or min(shape[-2:]) < 16:
        raise InputError(
            "Gaps are filled in images (y, x) or stacks of them (t, y, x) of at least "
            f"16 pixels an edge, not in an array of the shape {tuple(shape)}."
        )
    return np.asarray(image, np.float32).reshape(-1, *shape[-2:])


def check_values(frames: np.ndarray, gaps: np.ndarray) -> None:
    """Make sure that what is known are numbers, and not all the same.

    Raises
    ------
    InputError
        With one sentence.
    """
    for frame, gap in zip(frames, gaps, strict=True):
        known = frame[~gap]
        if not np.isfinite(known).all():
            raise InputError(
                "The image has NaN or infinite values outside of the mask: mask them, "
                "too, or let the gaps be found."
            )
        if known.min() == known.max():
            raise InputError(
                "All known pixels of the image have the same value, so there is no "
                "pattern to go on in the gaps."
            )


def checked_center(
    center: Sequence[float], shape: Sequence[int]
) -> tuple[float, float]:
    """Give a center ``(y, x)`` in pixels, which may lie outside of the image.

    Raises
    ------
    InputError
        When it is no place, or far outside.
    """
    values = np.asarray(center, float)
    if values.shape != (2,) or not np.isfinite(values).all():
        raise InputError(
            "The center must be two numbers, y and x in pixels, such as 530.5,302."
        )
    far = 3 * max(shape)
    if np.abs(values).max() > far:
        raise InputError(
            f"The center {tuple(center)} lies far outside of the image of "
            f"{shape[0]} x {shape[1]} pixels: give y,x in pixels."
        )
    return float(values[0]), float(values[1])
