"""Find out before the work starts whether it can succeed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of
from napari_sciml.images.label_values import MAX_LABEL, count_values, list_values
from napari_sciml.notices import Patience

SLAB_BYTES = 2**26


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
    nan = infinite = total = 0
    for slab in slabs(data):
        total += slab.size
        nan += int(np.count_nonzero(np.isnan(slab)))
        infinite += int(np.count_nonzero(np.isinf(slab)))
    if nan == total:
        raise InputError(
            "Every gray value of the image is NaN, so there is nothing to learn or to "
            "find: look whether it is the right file and whole."
        )
    if nan or infinite:
        raise InputError(
            f"The image holds {nan} NaN and {infinite} infinite values; replace them "
            "first, for instance with numpy.nan_to_num."
        )


def unusable_values(data: Any) -> tuple[str, ...]:
    """Sentences on values that networks cannot compute with: NaN, infinite, too large.

    Parameters
    ----------
    data
        Array-like; read slab by slab.
    """
    if np.dtype(data.dtype).kind != "f":
        return ()
    bad = 0
    for slab in slabs(data):
        with np.errstate(invalid="ignore"):
            bad += int(np.count_nonzero(~(np.abs(slab) <= MAX_VALUE)))
    if not bad:
        return ()
    return (
        f"{bad} values of the image are NaN, infinite or beyond {MAX_VALUE:g}; what "
        "they lie in is not judged, so replace them, or divide all by one number.",
    )


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


def slabs(data: Any) -> Iterator[np.ndarray]:
    """Read an image part by part along its first axis, `SLAB_BYTES` or a plane each."""
    voxel_bytes = channels_of(data) * np.dtype(data.dtype).itemsize
    plane_bytes = int(np.prod(data.shape[1:])) * voxel_bytes
    step = max(1, SLAB_BYTES // max(1, plane_bytes))
    patience = Patience("Looking through the image, row by row", data.shape[0])
    for start in range(0, data.shape[0], step):
        patience.done(start)
        yield np.asarray(data[start : start + step])


def as_labels(values: Any, what: str, *, advice: str = "") -> np.ndarray:
    """Give labels as ``uint8``, whatever their type.

    Parameters
    ----------
    values
        Whole numbers from 0 (not annotated) to 255, of any dtype.
    what
        Subject of the sentence if they are not, such as "The labels in a.tif".
    advice
        What else helps, for the end of that sentence.

    Raises
    ------
    InputError
        When they are negative, too large, or not whole; names values that were found.
    """
    labels = np.asarray(values)
    low, high = labels.min(), labels.max()
    if low >= 0 and high <= MAX_LABEL:
        _check_whole(labels, what, advice)
        return labels.astype(np.uint8, copy=False)
    found = list_values(count_values(labels[labels != 0]))
    if np.isnan(low):
        raise InputError(
            f"{what} are not all numbers, they hold {found}; use 0 for not annotated "
            f"and 1 to {MAX_LABEL} for the classes{advice}."
        )
    raise InputError(
        f"{what} go from {low} to {high} and hold {found}; use 0 for not annotated and "
        f"1 to {MAX_LABEL} for the classes{advice}."
    )


def _check_whole(labels: np.ndarray, what: str, advice: str) -> None:
    if labels.dtype.kind != "f" or not np.any(labels != np.rint(labels)):
        return
    found = list_values(count_values(labels[labels != 0]))
    if labels.max() <= 1:
        raise InputError(
            f"{what} are not whole numbers but lie between 0 and 1, as probabilities "
            f"do: {found}; cut them first, and give 1, 2 … for the classes{advice}."
        )
    raise InputError(
        f"{what} are not whole numbers: {found}; give labels, not an image{advice}."
    )
