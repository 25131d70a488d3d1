"""One value a voxel, of images that have several."""

from typing import Any

import numpy as np

from napari_sciml.images.channels import channels_of
from napari_sciml.images.lazy import Key, LazyArray


class GrayView(LazyArray):
    """One channel of an image of several channels, or their mean.

    Parameters
    ----------
    image
        A `ChannelImage`: of spatial shape, with channels last in what it gives.
    channel
        Which one; None for the mean of all, float32.
    """

    def __init__(self, image: Any, channel: int | None = None) -> None:
        dtype = image.dtype if channel is not None else np.dtype(np.float32)
        super().__init__(image.shape, dtype)
        self._image, self._channel = image, channel

    def _read(self, key: Key) -> Any:
        values = self._image[key]
        if self._channel is not None:
            return values[..., self._channel]
        return values.mean(axis=-1, dtype=np.float32)


def as_gray(image: Any, channel: int | None = None) -> Any:
    """Give an image with one value a voxel; one that has them stays as it is."""
    return GrayView(image, channel) if channels_of(image) > 1 else _single(image)


def usual_channel(channels: int, *, color: bool) -> int | None:
    """Which channel is looked at before one is chosen; None for the mean of all.

    Colors together are what the eye sees; channels are stains of their own.
    """
    return None if color or channels < 2 else 0


def _single(image: Any) -> Any:
    """An image of one channel may still have an axis for it."""
    return GrayView(image, 0) if hasattr(image, "channels") else image
