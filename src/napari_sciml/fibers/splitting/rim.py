"""How far voxels are from the rim of their fiber: what ridges are found in.

A mask of what is sure has notches where the ensemble hesitated, and fibers that touch
in it may have a valley between them in the probability. So where a probability is known
the distance is the mean of those to the rims at several levels of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sciml.fibers.blockwise.blocks import BlockVolume

Array = NDArray[np.float64]
Distance = NDArray[np.float32]

_LEVELS = (0.5, 0.7, 0.9)
_GIVEN = np.float32(0.71)  # least probability of what is in the mask, whatever is known


@dataclass(frozen=True)
class Rim:
    """The distance to the rim, block by block.

    Attributes
    ----------
    components
        ``(z, y, x)`` numbers; what is not zero is fiber.
    spacing
        Edges of a voxel.
    probability
        Of the fibers, of the same shape.
    """

    components: BlockVolume
    spacing: Array
    probability: BlockVolume | None = None

    def distance(
        self, region: Sequence[slice], labels: NDArray[np.integer], most: np.float32
    ) -> Distance:
        """Distance of each voxel of a region to the rim, physical; 0 outside.

        Parameters
        ----------
        region
            What to look at; the rim beyond it is not seen.
        labels
            What `components` has there.
        most
            Longer distances are cut off.
        """
        inside = labels != 0
        if self.probability is None:
            return _distance(inside, self.spacing, most)
        known = self.probability.read(region).astype(np.float32)
        np.maximum(known, _GIVEN, out=known, where=inside)
        distance = np.zeros(known.shape, np.float32)
        for level in _LEVELS:
            distance += _distance(known > level, self.spacing, most)
        return distance * (inside / np.float32(len(_LEVELS)))


def _distance(inside: NDArray[np.bool_], spacing: Array, most: np.float32) -> Distance:
    if inside.all():
        return np.full(inside.shape, most, np.float32)
    distance = ndimage.distance_transform_edt(inside, spacing).astype(np.float32)
    return np.minimum(distance, most, out=distance)
