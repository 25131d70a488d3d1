"""Find out before the work starts whether it can succeed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of

SLAB_BYTES = 2**26
MAX_LABEL = 255


def check_finite(data: Any) -> None:
    """Make sure that an image holds neither NaN nor infinity.

    Parameters
    ----------
    data
        Array-like; a lazy one is read slab by slab along its first axis.

    Raises
    ------
    InputError
        Tells how many there are and what to do.
    """
    if np.dtype(data.dtype).kind != "f":
        return
    nan = infinite = 0
    for slab in _slabs(data):
        nan += int(np.count_nonzero(np.isnan(slab)))
        infinite += int(np.count_nonzero(np.isinf(slab)))
    if nan or infinite:
        raise InputError(
            f"The image holds {nan} NaN and {infinite} infinite values; replace them "
            "first, for instance with numpy.nan_to_num."
        )


def check_annotation(labels: np.ndarray) -> dict[int, int]:
    """Count the annotated voxels of each class.

    Parameters
    ----------
    labels
        uint8; 0 = not annotated.

    Returns
    -------
    dict
        Number of voxels of each label value that occurs, ascending, without 0.

    Raises
    ------
    InputError
        When there are fewer than two classes.
    """
    values, counts = np.unique(labels, return_counts=True)
    found = {int(v): int(n) for v, n in zip(values, counts, strict=True) if v != 0}
    check_counts(found)
    return found


def check_counts(found: dict[int, int]) -> None:
    """Make sure that at least two classes are annotated.

    Parameters
    ----------
    found
        Annotated voxels of each label value that occurs.

    Raises
    ------
    InputError
        Tells which class is the only one, if any.
    """
    if not found:
        raise InputError("Not annotated yet: paint at least two classes.")
    if len(found) == 1:
        raise InputError(
            f"Only class {next(iter(found))} is annotated: paint at least two classes."
        )


def _slabs(data: Any) -> Iterator[np.ndarray]:
    voxel_bytes = channels_of(data) * np.dtype(data.dtype).itemsize
    plane_bytes = int(np.prod(data.shape[1:])) * voxel_bytes
    step = max(1, SLAB_BYTES // max(1, plane_bytes))
    for start in range(0, data.shape[0], step):
        yield np.asarray(data[start : start + step])


def as_labels(values: Any, what: str) -> np.ndarray:
    """Give labels as ``uint8``, whatever their type.

    Parameters
    ----------
    values
        Whole numbers from 0 (not annotated) to 255, of any dtype.
    what
        Subject of the sentence if they are not, such as "The labels in a.tif".

    Raises
    ------
    InputError
        When they are negative, too large, or not whole.
    """
    labels = np.asarray(values)
    low, high = labels.min(), labels.max()
    # Written so that NaN fails it.
    if not (low >= 0 and high <= MAX_LABEL):
        raise InputError(
            f"{what} go from {low} to {high}; use 0 for not annotated and 1 to "
            f"{MAX_LABEL} for the classes."
        )
    if labels.dtype.kind == "f" and np.any(labels != np.rint(labels)):
        raise InputError(f"{what} are not whole numbers; give labels, not an image.")
    return labels.astype(np.uint8, copy=False)
