"""Which voxels lie in the middle of patches, to be labeled."""

from collections.abc import Sequence

import numpy as np

SHARE = 3
"""The middle third of each edge: what a patch looks like is what is in its middle."""


def middle_voxels(
    places: np.ndarray, size: Sequence[int], shape: Sequence[int]
) -> np.ndarray:
    """Give the voxels in the middle thirds of patches.

    Parameters
    ----------
    places
        Centers ``(n, axes)`` in voxels.
    size
        Shape of a patch.
    shape
        Of the image.

    Returns
    -------
    ndarray
        Flat in C order, ascending, each once.
    """
    edges = [max(1, edge // SHARE) for edge in size]
    steps = np.stack(
        np.meshgrid(*(np.arange(edge) for edge in edges), indexing="ij"), axis=-1
    ).reshape(-1, len(edges))
    first = np.rint(places - (np.array(edges) - 1) / 2 - 0.25).astype(np.intp)
    voxels = (first[:, None] + steps).reshape(-1, len(edges))
    voxels = np.clip(voxels, 0, np.array(shape) - 1)
    return np.unique(np.ravel_multi_index(tuple(voxels.T), tuple(shape)))
