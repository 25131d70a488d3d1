"""Whether what a file claims to hold fits into the file and into the memory."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import Key

PART = "take a part of it, or save it by blocks (.zarr)"


def check_room(
    shape: Sequence[int],
    dtype: Any,
    name: str | Path,
    *,
    copies: float = 1.0,
    advice: str = PART,
) -> None:
    """Make sure, before anything is allocated, that an array fits into the memory.

    Parameters
    ----------
    shape, dtype
        As the file claims them.
    name
        What it is of, the subject of the sentence.
    copies
        How often it will be held at the same time.
    advice
        What helps, the end of the sentence.

    Raises
    ------
    InputError
        Tells what it needs and what there is.
    """
    import psutil

    if copies * bytes_of(shape, dtype) > psutil.virtual_memory().available:
        raise too_large(shape, dtype, name, copies=copies, advice=advice)


def too_large(
    shape: Sequence[int],
    dtype: Any,
    name: str | Path,
    *,
    copies: float = 1.0,
    advice: str = PART,
) -> InputError:
    """What to say of an array that does not fit; see `check_room`."""
    import psutil

    needed = size_in_words(copies * bytes_of(shape, dtype))
    free = size_in_words(psutil.virtual_memory().available)
    return InputError(
        f"{name} needs {needed} of memory at once for {edges(shape)} values, and "
        f"{free} are free; {advice}."
    )


def check_stored(
    shape: Sequence[int], dtype: Any, stored: int, path: str | Path, *, ratio: float = 1
) -> None:
    """Make sure that a file can hold what its header claims.

    Parameters
    ----------
    shape, dtype
        As the header claims them.
    stored
        Bytes that are there.
    path
        Of the file.
    ratio
        Bytes that one stored byte can stand for, at most.

    Raises
    ------
    InputError
        On a claim that is larger, or on a negative axis.
    """
    if any(n < 0 for n in shape):
        raise InputError(
            f"{path} claims a negative number of values ({edges(shape)}); it is "
            "damaged, copy or write it again."
        )
    claimed = bytes_of(shape, dtype)
    if claimed > stored * ratio:
        raise InputError(
            f"{path} claims {edges(shape)} values ({size_in_words(claimed)}), but "
            f"holds {size_in_words(stored)} of them only; copy it again."
        )


def bytes_of(shape: Sequence[int], dtype: Any) -> int:
    """Bytes of an array, of whatever size; numpy's numbers would overflow."""
    return math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize


def edges(shape: Sequence[int]) -> str:
    """A shape as people write it: ``100 x 64``."""
    return " x ".join(str(int(n)) for n in shape)


def size_in_words(count: float) -> str:
    """A number of bytes in the unit that suits it."""
    if count >= 1e18:
        return "more than a million TB"
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"


def key_shape(key: Key, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of what a key of whole numbers and slices asks for."""
    parts = zip(key, shape, strict=True)
    return tuple(
        len(range(*part.indices(n))) for part, n in parts if isinstance(part, slice)
    )
