"""Work on the labeled voxels of a large annotation block by block."""

import math

import numpy as np
from scipy import ndimage

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.annotation.strokes import positions_by_number

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


def is_near(labels: Scribbles, voxels: np.ndarray, distance: int) -> np.ndarray:
    """Tell which labels lie within a chessboard distance of some voxels.

    Parameters
    ----------
    labels
        Annotation of n voxels.
    voxels
        Coordinates ``(m, ndim)`` in it.
    distance
        In voxels; 0 = the voxels themselves.

    Returns
    -------
    ndarray of bool
        ``(n,)``.
    """
    found = np.zeros(len(labels), bool)
    for group in positions_by_number(number_blocks(voxels, CELL)):
        own = voxels[group]
        low = np.maximum(own.min(0) - distance, 0)
        high = np.minimum(own.max(0) + distance + 1, labels.shape)
        near = np.zeros(high - low, np.uint8)
        near[tuple((own - low).T)] = 1
        near = ndimage.maximum_filter(near, 2 * distance + 1, mode="constant")
        box = zip(low.tolist(), high.tolist(), strict=True)
        positions = labels.positions_in(tuple(slice(a, b) for a, b in box))
        found[positions] |= near[tuple((labels.voxels[positions] - low).T)] > 0
    return found
