"""Fibers up to where they most likely end, from what of them is sure.

A mask of what is sure ends before the fiber does: at its rim the ensemble hesitates. So
a fiber that was found in the mask also gets the voxels round it that are likelier fiber
than not. Where fibers meet nothing changes, as there is no room between them.
"""

from itertools import groupby, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.executor import Executor, here, shares
from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices, Region
from napari_sciml.images.tiles import with_halo
from napari_sciml.progress import Steps

_LIKELY = 0.5
_LARGEST = np.iinfo(np.uint32).max


def extend_blocks(
    labels: BlockVolume,
    probability: BlockVolume,
    out: BlockVolume,
    count: int,
    spacing: NDArray[np.float64],
    run: Executor = here,
) -> Steps[Indices]:
    """Give each likely voxel next to a fiber to the nearest fiber.

    Next to it are the 26 voxels round one; among fibers that are equally near the one
    of the lowest number gets it. The blocks do not change the result.

    Parameters
    ----------
    labels
        Fibers 1 to ``count``, 0 = none.
    probability
        Of the fibers, of the same shape.
    out
        Where the extended labels go; not `labels`.
    count
        Number of fibers.
    spacing
        ``(3,)`` edges of a voxel.
    run
        Where blocks are computed; elsewhere needs volumes that can be pickled.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(count + 1,)`` voxels of each label; 0 for number 0.
    """
    sizes = np.zeros(count + 1, np.int64)
    regions = [(region,) for region in labels.regions()]
    ended = run(_extended, (labels, probability, _shells(spacing)), regions)
    for done, one in shares(ended, len(regions)):
        yield done
        if one is not None:
            (region,), extended = regions[one[0]], one[1]
            sizes += np.bincount(extended.reshape(-1), minlength=count + 1)
            out.write(region, extended)
    sizes[0] = 0
    return sizes


def _extended(
    labels: BlockVolume,
    probability: BlockVolume,
    shells: list[list[tuple[int, ...]]],
    region: Region,
) -> NDArray[Any]:
    """Labels of one block."""
    tile = with_halo(region, 1, labels.shape)
    around = labels.read(tile.read)
    extended = around[tile.inner].copy()
    if around.any():
        likely = (extended == 0) & (probability.read(region) > _LIKELY)
        places = np.stack(np.nonzero(likely))
        before = [[side[0]] for side in tile.surround]
        extended[likely] = _nearest(around, places + before, shells)
    return extended


def _shells(spacing: NDArray[np.float64]) -> list[list[tuple[int, ...]]]:
    """Steps to the neighbors of a voxel, those that are equally far together."""

    def far(step: tuple[int, ...]) -> float:
        return round(float(np.square(step * spacing).sum()), 9)

    steps = sorted((s for s in product((-1, 0, 1), repeat=3) if any(s)), key=far)
    return [list(equal) for _, equal in groupby(steps, key=far)]


def _nearest(
    labels: NDArray[Any], places: Indices, shells: list[list[tuple[int, ...]]]
) -> NDArray[np.uint32]:
    """Label of the nearest neighbor of each place ``(3, n)`` that has one, or 0."""
    padded = np.pad(labels, 1)
    found = np.zeros(places.shape[1], np.uint32)
    for shell in shells:
        nearest = np.full(len(found), _LARGEST, np.uint32)
        for z, y, x in shell:
            index = places[0] + (1 + z), places[1] + (1 + y), places[2] + (1 + x)
            label = padded[index].astype(np.uint32)
            np.minimum(nearest, label, out=nearest, where=label > 0)
        np.copyto(found, nearest, where=(found == 0) & (nearest < _LARGEST))
    return found
