"""An image whose gaps are to be filled."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_sciml.filling.polar import Grid


@dataclass(frozen=True)
class Frame:
    """An image and what is known of it.

    Attributes
    ----------
    image
        Counts ``(y, x)`` float32.
    known
        Where they may be used.
    wanted
        Where they are to be filled.
    center
        Of the pattern, ``(y, x)``.
    across
        Whether both sides of it are alike.
    """

    image: np.ndarray
    known: np.ndarray
    wanted: np.ndarray
    center: tuple[float, float]
    across: bool = True

    @cached_property
    def grid(self) -> Grid:
        """Where its pixels lie around the center."""
        shape = (int(self.image.shape[0]), int(self.image.shape[1]))
        return Grid.around(self.center, shape)
