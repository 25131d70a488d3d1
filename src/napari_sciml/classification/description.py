"""An image in numbers: what the fixed filters say of it."""

from typing import Any

import numpy as np
import torch

from napari_sciml.images.channels import channels_of
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.tiles import split_into_tiles
from napari_sciml.networks.scale_space import ScaleSpace, as_batch

EDGE = {2: 512, 3: 64}
"""Of the parts that are looked at, in voxels."""
MOST_PARTS = 8
LARGEST = 0.99
"""Quantile that stands for the largest value: dead pixels are no structure."""


def describe_image(image: Any) -> np.ndarray:
    """Describe an image of any size by its gray scale and the fixed filters.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; of a large one only
        parts are read, spread evenly.

    Returns
    -------
    ndarray
        float32: offset and spread of the gray values of each channel, and of each
        channel of `ScaleSpace`, on gray values at zero mean and unit spread, the mean,
        the standard deviation and the 99 % quantile.

    Raises
    ------
    InputError
        When there are NaN or infinite gray values.
    """
    intensity, dims = estimate_intensity(image), image.ndim
    front = ScaleSpace(dims, inputs=channels_of(image))
    tiles = split_into_tiles(image.shape, EDGE[dims], 0)
    few = np.linspace(0, len(tiles) - 1, min(MOST_PARTS, len(tiles))).astype(int)
    found = []
    with torch.inference_mode():
        for tile in (tiles[n] for n in few):
            gray = torch.from_numpy(intensity.apply(image[tile.core]))
            found.append(_statistics(front(as_batch(gray, dims))[0].flatten(1).numpy()))
    scale = np.concatenate([np.atleast_1d(intensity.offset), _spread(intensity.scale)])
    return np.concatenate([scale, np.mean(found, axis=0)]).astype(np.float32)


def _statistics(channels: np.ndarray) -> np.ndarray:
    """Of channels ``(c, n)``."""
    largest = np.quantile(channels, LARGEST, axis=1)
    return np.concatenate([channels.mean(1), channels.std(1), largest])


def _spread(scale: Any) -> np.ndarray:
    return 1 / np.maximum(np.atleast_1d(scale), 1e-30)
