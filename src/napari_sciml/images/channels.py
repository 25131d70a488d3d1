"""Images with several channels: spatial outside, channels last inside."""

from operator import index
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import Key, LazyArray


class ChannelImage(LazyArray):
    """An image whose voxels have several values, sliced as if they had one.

    ``shape`` and ``ndim`` are those of space, so that labels and predictions have
    the same shape; ``image[region]`` is a numpy block with a further last axis, the
    channels. Only what is sliced is ever read.

    Parameters
    ----------
    array
        Array-like (numpy, zarr, dask …) with a channel axis.
    channel_axis
        Which axis that is; negative from the end.
    channels
        How many of the channels to use, from the first one on; all by default. An
        alpha channel is left out like this.

    Attributes
    ----------
    channels
        Channels of a block.
    source
        The array-like.

    Raises
    ------
    InputError
        When there is no such axis, or no channel.
    """

    def __init__(
        self, array: Any, channel_axis: int = -1, channels: int | None = None
    ) -> None:
        shape = tuple(int(n) for n in array.shape)
        axis = index(channel_axis)
        if not -len(shape) <= axis < len(shape):
            raise InputError(f"An image of shape {shape} has no axis {channel_axis}.")
        self.channel_axis = axis % len(shape)
        space = list(shape)
        found = space.pop(self.channel_axis)
        self.channels = found if channels is None else min(index(channels), found)
        if self.channels < 1:
            raise InputError(f"An image of shape {shape} has no channels.")
        super().__init__(space, np.dtype(array.dtype))
        self.source = array

    def _read(self, key: Key) -> Any:
        before, after = key[: self.channel_axis], key[self.channel_axis :]
        values = np.asarray(self.source[(*before, slice(self.channels), *after)])
        place = sum(isinstance(part, slice) for part in before)
        return np.moveaxis(values, place, -1)


def channels_of(image: Any) -> int:
    """Values of each voxel: 1 for a gray image, which is any plain array."""
    return int(getattr(image, "channels", 1))


def channel_words(channels: int) -> str:
    """``"gray values"`` or ``"3 channels"``, for a sentence."""
    return "gray values" if channels == 1 else f"{channels} channels"
