"""Which fibers touch."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.progress import Steps, exhaust

_AHEAD = tuple(o for o in product((0, 1), (-1, 0, 1), (-1, 0, 1)) if o > (0, 0, 0))
"""Half of the 26 neighbors: the others are seen from the other side."""


def touching_pairs(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Find the pairs of labels that are neighbors by a face, an edge or a corner.

    Parameters
    ----------
    labels
        ``(z, y, x)`` or ``(y, x)``, 0 = no fiber. It is looked at plane by plane.

    Returns
    -------
    ndarray
        ``(m, 2)``, each pair once, the smaller label first, ascending.
    """
    return exhaust(_touching_steps(labels))


def _touching_steps(labels: NDArray[Any]) -> Steps[NDArray[np.int64]]:
    planes = labels if labels.ndim == 3 else labels[None]
    found = [np.zeros((0, 2), np.int64)]
    for z, plane in enumerate(planes):
        yield z / len(planes)
        for dz, dy, dx in _AHEAD:
            if z + dz == len(planes):
                continue
            here, there = shifted(plane, planes[z + dz], dy, dx)
            found.append(_meetings(here, there))
        if len(found) > 1000:
            found = [_once(found)]
    return _once(found)


def contact_steps(
    labels: NDArray[Any], names: NDArray[np.int64]
) -> Steps[NDArray[np.int64]]:
    """Count the other fibers that each fiber touches; yields the share that is done.

    Parameters
    ----------
    labels
        As in `touching_pairs`.
    names
        ``(n,)`` labels to count for, ascending; all that occur.
    """
    return contact_counts((yield from _touching_steps(labels)), names)


def contact_counts(
    pairs: NDArray[np.int64], names: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the others in `touching_pairs` for each of some labels, ascending."""
    return np.bincount(np.searchsorted(names, pairs).reshape(-1), minlength=len(names))


def shifted(
    plane: NDArray[Any], other: NDArray[Any], dy: int, dx: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Views of two planes in which a voxel lies on its neighbor (dy, dx) farther."""
    (y, to_y), (x, to_x) = _overlap(dy), _overlap(dx)
    return plane[y, x], other[to_y, to_x]


def _overlap(step: int) -> tuple[slice, slice]:
    if step == 0:
        return slice(None), slice(None)
    ends = slice(None, -1), slice(1, None)
    return ends if step > 0 else (ends[1], ends[0])


def _meetings(here: NDArray[Any], there: NDArray[Any]) -> NDArray[np.int64]:
    meets = here != there
    meets &= here != 0
    meets &= there != 0
    if not meets.any():
        return np.zeros((0, 2), np.int64)
    pairs = np.stack([here[meets], there[meets]], axis=1).astype(np.int64)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _once(found: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.unique(np.concatenate(found), axis=0)
