"""Work on the labeled voxels of a large annotation block by block."""

import math

import numpy as np
from scipy import ndimage

CELL = 64
"""Edge of the boxes in which neighborhoods are worked out, in voxels."""


def number_blocks(
    voxels: np.ndarray, edge: int, origin: np.ndarray | int = 0
) -> np.ndarray:
    """Number the blocks of a regular grid that hold voxels: 0, 1 …, in C order.

    Parameters
    ----------
    voxels
        Coordinates ``(n, ndim)``.
    edge
        Of a block, in voxels.
    origin
        A corner of the grid.

    Returns
    -------
    ndarray of int
        The block of each voxel, ``(n,)``.
    """
    index = (voxels - origin) // edge
    index -= index.min(0, initial=0)
    shape = tuple(index.max(0, initial=0) + 1)
    flat = np.ravel_multi_index(tuple(index.T), shape)
    filled = np.zeros(math.prod(shape), bool)
    filled[flat] = True
    return (np.cumsum(filled) - 1)[flat]


def clear_near(labels: np.ndarray, voxels: np.ndarray, distance: int) -> None:
    """Set labels to 0, in place, within a chessboard distance of some voxels.

    Parameters
    ----------
    labels
        Annotation.
    voxels
        Coordinates ``(n, ndim)``.
    distance
        In voxels; 0 = the voxels themselves.
    """
    if not len(voxels):
        return
    blocks = number_blocks(voxels, CELL)
    order = np.argsort(blocks, kind="stable")
    cuts = np.flatnonzero(np.diff(blocks[order])) + 1
    for group in np.split(voxels[order], cuts):
        low = np.maximum(group.min(0) - distance, 0)
        high = np.minimum(group.max(0) + distance + 1, labels.shape)
        near = np.zeros(high - low, np.uint8)
        near[tuple((group - low).T)] = 1
        near = ndimage.maximum_filter(near, 2 * distance + 1, mode="constant")
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        labels[box][near > 0] = 0
