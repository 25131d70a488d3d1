"""What the ensemble predicts for one image, as far as it is known."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.uncertainty.statistics import entropy

if TYPE_CHECKING:
    from napari_sciml.prediction.blockwise import BlockPredicted


class PredictionVolume:
    """Mean and deviation over the ensemble, filled block by block.

    Attributes
    ----------
    mean, std
        ``(class, …)`` float16; the layers show views of them.
    information
        ``(…)`` float16: the part of the doubt that the members disagree about.
    entropy
        ``(…)`` float16: all of the doubt, the entropy of the mean.
    known, current
        bool: predicted at all; predicted by the model at hand.
    class_names
        Names along the first axis.
    """

    def __init__(self, shape: Sequence[int], class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        shape, by_class = tuple(shape), (len(class_names), *shape)
        # Not zeros_like: it writes to all of the memory, in the thread of the viewer.
        self.mean = np.zeros(by_class, np.float16)
        self.std = np.zeros(by_class, np.float16)
        self.mutual_information = np.zeros(shape, np.float16)
        self.entropy = np.zeros(shape, np.float16)
        self.known = np.zeros(shape, bool)
        self.current = np.zeros(shape, bool)
        self._predicted = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image."""
        return self.known.shape

    @property
    def empty(self) -> bool:
        """Whether nothing is predicted yet."""
        return not self._predicted

    @property
    def complete(self) -> bool:
        """Whether the model at hand has predicted the whole image."""
        return bool(self.current.all())

    @property
    def share(self) -> float:
        """Of the image that is predicted at all, 0 to 1."""
        return self._predicted / max(1, self.known.size)

    def write(self, block: "BlockPredicted") -> None:
        """Take in a block."""
        before = self.known[block.tile.core]
        self._predicted += before.size - int(np.count_nonzero(before))
        self.mean[:, *block.tile.core] = block.mean
        self.std[:, *block.tile.core] = block.std
        self.mutual_information[block.tile.core] = block.mutual_information
        self.entropy[block.tile.core] = entropy(block.mean)
        self.known[block.tile.core] = True
        # A first look stays dim until the whole model has answered.
        self.current[block.tile.core] = not block.hasty

    def outdate(self) -> None:
        """Another model is next; what the old one said stays on the screen."""
        self.current[...] = False
