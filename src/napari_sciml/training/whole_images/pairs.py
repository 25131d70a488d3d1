"""What a training on images takes its lessons from."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

Images = np.ndarray | Tensor
"""``(n, c, …)`` of any number type."""


class Pairs(NamedTuple):
    """Images, and what should come out.

    Attributes
    ----------
    inputs
        ``(n, c, …)``.
    targets
        ``(n, c', …)``.
    mask
        1 where a target is known and counts, else 0; as the targets, or a shape that
        broadcasts to theirs, such as ``(n, 1, …)``. Targets outside may be NaN.
    labels
        Class of each image, ``(n,)``; -1 = not known; None = there are no classes.
    """

    inputs: Images
    targets: Images
    mask: Images
    labels: Images | None = None


@runtime_checkable
class PairSource(Protocol):
    """Anything that lessons can be drawn from, such as crops of large images.

    `napari_sciml.training.whole_images.crop_set.CropSet` is one, which takes a function
    of one's own that makes a lesson of a crop.
    """

    def __len__(self) -> int:
        """Images to learn from; a batch has no more than that."""
        ...

    def draw(self, rng: np.random.Generator, count: int) -> Pairs:
        """Draw the next lessons; ``rng`` is the only source of randomness."""
        ...

    def held_out(self) -> Pairs | None:
        """Give the test, the same at each call; None = there is none."""
        ...
