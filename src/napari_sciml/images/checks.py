"""Find out before the work starts whether it can succeed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_sciml.errors import InputError

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
    if not found:
        raise InputError("Not annotated yet: paint at least two classes.")
    if len(found) == 1:
        raise InputError(
            f"Only class {next(iter(found))} is annotated: paint at least two classes."
        )
    return found


def _slabs(data: Any) -> Iterator[np.ndarray]:
    plane_bytes = int(np.prod(data.shape[1:])) * np.dtype(data.dtype).itemsize
    step = max(1, SLAB_BYTES // max(1, plane_bytes))
    for start in range(0, data.shape[0], step):
        yield np.asarray(data[start : start + step])
