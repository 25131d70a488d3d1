"""Find out whether there is anything to learn in an image."""

import math
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.checks import slabs
from napari_sciml.images.label_values import listed

AROUND = 16
"""Voxels on each side of a labeled one that are looked at."""
SAMPLED = 32
"""Labeled voxels of each class that are looked at."""
ODD_SHARE = 1e-3
"""Of the voxels round labels: so few, such as hot pixels, are nothing to learn from."""
WHAT_TO_DO = (
    "look whether it is the right image, the shutter was open and the detector not "
    "saturated"
)


def one_value(image: Any) -> float | None:
    """Give the gray value of an image that has only one; None for any other.

    Parameters
    ----------
    image
        Array-like; read slab by slab as far as its values are equal.
    """
    first = np.asarray(image[(slice(0, 1),) * image.ndim]).reshape(-1)
    if any(_differs(slab, first).any() for slab in slabs(image)):
        return None
    return float(first[0])


def check_contrast(image: Any, indices: np.ndarray, classes: np.ndarray) -> None:
    """Make sure that there is something round the labels to tell classes apart by.

    Parameters
    ----------
    image
        Array-like, ``(y, x)`` or ``(z, y, x)``; read in small boxes, where there is
        nothing in a single one wholly.
    indices
        ``(n,)``: the labeled voxels, flat in C order, ascending.
    classes
        ``(n,)``: their labels.

    Raises
    ------
    InputError
        When all of it has one gray value, but for a few voxels at most.
    """
    chosen = _sample(indices, classes, image.shape)
    first = _box(image, chosen[0], 0).reshape(-1)
    # Two classes come in turn, so that an image with contrast is known by two voxels.
    if any(_differs(_box(image, voxel, 0), first).any() for voxel in chosen):
        return
    most = ODD_SHARE * len(chosen) * min(2 * AROUND, *image.shape) ** image.ndim
    different = 0
    for voxel in chosen:
        different += int(_differs(_box(image, voxel, AROUND), first).sum())
        if different > most:
            return
    value = one_value(image)
    where = (
        f"Nearly everywhere round the labels the image has the gray value {first[0]}"
        if value is None
        else f"Every voxel of the image has the same gray value, {first[0]}"
    )
    raise InputError(f"{where}, so there is nothing to learn: {WHAT_TO_DO}.")


def contrast_cautions(
    image: Any, indices: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> tuple[str, ...]:
    """Tell which classes have the same single gray value in all that is labeled.

    Parameters
    ----------
    image, indices, classes
        As in `check_contrast`.
    names
        Of the classes 1, 2 …
    """
    flat: dict[float, list[str]] = {}
    for label in np.flatnonzero(np.bincount(classes)):
        value = _single_value(image, indices[classes == label])
        if value is not None:
            flat.setdefault(value, []).append(names[int(label) - 1])
    return tuple(
        f"All labeled voxels of {listed(group)} have the same gray value, "
        f"{value:g}, so that only what is round them can tell these classes apart; "
        "look whether the image is saturated there."
        for value, group in flat.items()
        if len(group) > 1
    )


def _single_value(image: Any, indices: np.ndarray) -> float | None:
    """The gray value of all these voxels, where they have only one."""
    chosen = _spread(indices, image.shape)
    first = _box(image, chosen[0], 0).reshape(-1)
    if any(_differs(_box(image, voxel, 0), first).any() for voxel in chosen):
        return None
    plane = math.prod(image.shape[1:])
    ends = np.searchsorted(indices, plane * np.arange(1, image.shape[0]))
    for z, own in enumerate(np.split(indices, ends)):
        if not len(own):
            continue
        at = np.unravel_index(own - z * plane, image.shape[1:])
        if _differs(np.asarray(image[z])[at], first).any():
            return None
    return float(first[0])


def _sample(
    indices: np.ndarray, classes: np.ndarray, shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Labeled voxels of each class, spread evenly; one of each class at a time."""
    labels = np.flatnonzero(np.bincount(classes))
    groups = [_spread(indices[classes == label], shape) for label in labels]
    turns = zip_longest(*groups)
    return [voxel for turn in turns for voxel in turn if voxel is not None]


def _spread(indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    count = min(SAMPLED, len(indices))
    chosen = indices[np.linspace(0, len(indices) - 1, count).astype(int)]
    return np.stack(np.unravel_index(chosen, shape), axis=1)


def _box(image: Any, voxel: np.ndarray, around: int) -> np.ndarray:
    parts = (slice(max(0, int(v) - around), int(v) + max(1, around)) for v in voxel)
    return np.asarray(image[tuple(parts)])


def _differs(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Where values are another one by more than rounding; any channel counts."""
    if values.dtype.kind != "f":
        return np.asarray(values != first)
    rounding = 4 * np.finfo(values.dtype).eps * np.abs(first)
    # Written so that NaN differs.
    return ~(np.abs(values - first) <= rounding)
