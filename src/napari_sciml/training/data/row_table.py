"""Rows of channels by the place of a voxel, and how labeled voxels are gone through."""

import numpy as np

BOX = 128
"""Longest edge of a piece whose channels are computed in one go."""

SHARED_BOX = 32
"""The same where many strokes share the pieces."""
FLAT = 4
"""Thickest piece of a volume, in slices."""


class RowTable:
    """Rows by the flat place of a voxel."""

    def __init__(self, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self._places = np.empty(0, np.int64)
        self._values = np.empty((0, *shape), dtype)

    def missing(self, places: np.ndarray) -> np.ndarray:
        """Places that have no row yet."""
        return np.setdiff1d(places, self._places, assume_unique=True)

    def holds(self, places: np.ndarray) -> np.ndarray:
        """Whether places have a row."""
        return np.isin(places, self._places)

    def add(self, places: np.ndarray, values: np.ndarray) -> None:
        """Put in rows; those of places that have one already are dropped."""
        new = ~np.isin(places, self._places, assume_unique=True)
        order = np.argsort(places[new], kind="stable")
        fresh = places[new][order]
        at = np.searchsorted(self._places, fresh)
        self._places = np.insert(self._places, at, fresh)
        self._values = np.insert(self._values, at, values[new][order], axis=0)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Rows of places that are all there, C order."""
        return np.ascontiguousarray(self._values[np.searchsorted(self._places, places)])


def mixed(indices: np.ndarray, seed: int) -> np.ndarray:
    """Numbers that look random, and depend on place and seed alone (SplitMix64)."""
    with np.errstate(over="ignore"):
        x = indices.astype(np.uint64) + np.uint64(seed % 2**64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def flat_pieces(voxels: np.ndarray, box: int = BOX) -> list[np.ndarray]:
    """Voxels in groups whose boxes are small, or as flat as the stroke is."""
    cell = voxels // box
    # Box by box and slice by slice: a tilted stroke fills little of its volume.
    if voxels.shape[1] == 3:
        cell = np.column_stack([voxels[:, :1] // FLAT, cell[:, 1:]])
    _, number = np.unique(cell, axis=0, return_inverse=True)
    order = np.argsort(number.reshape(-1), kind="stable")
    cuts = np.flatnonzero(np.diff(number.reshape(-1)[order])) + 1
    return [voxels[part] for part in np.split(order, cuts)]
