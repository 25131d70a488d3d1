"""What napari tells about strokes, and what it remembers of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels


def painted_voxels(
    atoms: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Voxels that a `paint` event speaks of, and their new labels.

    The event comes before the labels are written where napari is called from a
    program, and after it where the user paints: so it is read, not the array.

    Parameters
    ----------
    atoms
        The value of the event. Each atom is a box with a mask, or the fancy
        indices with old and new values that napari gave until 0.7 and still gives
        for `data_setitem`.
    shape
        Of the annotation.

    Returns
    -------
    indices, values
        Sorted and unique, flat in C order; the last of several labels. None where
        the event is of a kind that we do not know.
    """
    try:
        parts = [_voxels_of(atom, shape) for atom in atoms]
        indices, values = (np.concatenate(side) for side in zip(*parts, strict=True))
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    # The last label of a voxel counts, so look from the end.
    found, last = np.unique(indices[::-1], return_index=True)
    return found, values[::-1][last]


def painted_over(
    atoms: Any, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Voxels that a `paint` event speaks of, and what was there before.

    Parameters and return value are as of `painted_voxels`, with the first of several
    old labels of a voxel.
    """
    try:
        parts = [_voxels_of(atom, shape, old=True) for atom in atoms]
        indices, values = (np.concatenate(side) for side in zip(*parts, strict=True))
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    found, first = np.unique(indices, return_index=True)
    return found, values[first]


def forget_history(layer: Labels) -> None:
    """Undo would write the values of the old array into the new one, or fail.

    napari drops the history of a layer that cannot be edited any more; there is
    no other public way.
    """
    if layer.editable:
        mode = layer.mode
        layer.editable = False
        layer.editable = True
        layer.mode = mode


def _voxels_of(
    atom: Any, shape: tuple[int, ...], *, old: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Where an atom lies, and its new labels, or the old ones."""
    if hasattr(atom, "slice_key"):
        places = _in_box(atom.slice_key, atom.mask, shape)
        values = np.ravel(atom.old_values) if old else atom.new_value
    else:
        places, values = atom[0], atom[1 if old else 2]
    if len(places) != len(shape):
        raise ValueError("not as many indices as axes")
    indices = np.ravel_multi_index(
        tuple(map(np.asarray, places)), shape, mode="wrap"
    ).reshape(-1)
    values = np.asarray(values)
    if values.ndim and values.size == indices.size:
        values = values.reshape(-1)
    return indices, np.broadcast_to(values, indices.shape)


def _in_box(
    box: Sequence[slice], mask: np.ndarray | None, shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Coordinates of the voxels that a mask selects in a box."""
    sides = [range(n)[side] for side, n in zip(box, shape, strict=True)]
    size = tuple(map(len, sides))
    chosen = np.arange(math.prod(size)) if mask is None else np.flatnonzero(mask)
    local = np.unravel_index(chosen, size)
    return [
        place * side.step + side.start for place, side in zip(local, sides, strict=True)
    ]
