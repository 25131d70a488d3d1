"""A set of whole images, some of them kept aside as a test."""

import numpy as np
import torch
from torch import Tensor

from napari_sciml.training.whole_images.image_set import ImageSet
from napari_sciml.training.whole_images.pairs import Pairs


class ImageSplit:
    """A `PairSource` of an `ImageSet`.

    Parameters
    ----------
    images
        All of them.
    holdout
        Share that is kept aside, 0 to 1: at least one where any are asked for, but
        never all of them.
    rng
        Decides which.
    """

    def __init__(
        self, images: ImageSet, holdout: float, rng: np.random.Generator
    ) -> None:
        self._images = images
        order = torch.from_numpy(rng.permutation(len(images)))
        count = _held_out(len(images), holdout)
        self._test, self._train = order[:count], order[count:]
        self._queue = order[:0]

    def __len__(self) -> int:
        return len(self._train)

    def draw(self, rng: np.random.Generator, count: int) -> Pairs:
        """Next images; each comes once before any comes again."""
        while len(self._queue) < count:
            order = torch.from_numpy(rng.permutation(len(self._train)))
            self._queue = torch.cat([self._queue, self._train[order]])
        batch, self._queue = self._queue[:count], self._queue[count:]
        return self._pairs(batch)

    def held_out(self) -> Pairs | None:
        """Give the images that are never drawn."""
        return self._pairs(self._test) if len(self._test) else None

    def _pairs(self, batch: Tensor) -> Pairs:
        every = self._images
        parts = (every.inputs, every.targets, every.mask, every.labels)
        return Pairs(*(part[batch] for part in parts))


def _held_out(count: int, share: float) -> int:
    if share == 0 or count < 2:
        return 0
    return min(max(1, round(share * count)), count - 1)
