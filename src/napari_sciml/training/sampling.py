"""Draw training crops round labels, so that no time goes to unlabeled voxels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.tiles import Region
from napari_sciml.training.channels import ChannelCache

IGNORE = -1
"""Target of a voxel that is not annotated."""
EDGE = 3
"""Labels this near to a cut edge of a crop see too little context to be trusted."""


@dataclass(frozen=True)
class Batch:
    """Crops to train on.

    Attributes
    ----------
    channels
        ``(n, c, …)`` float32.
    targets
        ``(n, …)`` int64 class indices; `IGNORE` = not annotated.
    """

    channels: Tensor
    targets: Tensor


class CropSampler:
    """Crops that hold labels, every class equally often at their center.

    Parameters
    ----------
    labels
        Annotation, same shape as the image; 0 = not annotated.
    cache
        Where the channels come from.
    edge
        Edge of a crop in voxels; shorter where the image is smaller.
    """

    def __init__(self, labels: np.ndarray, cache: ChannelCache, *, edge: int) -> None:
        self.labels = labels
        self.cache = cache
        self.edge = tuple(min(edge, n) for n in labels.shape)
        present = [int(value) for value in np.unique(labels) if value]
        self._voxels = [np.argwhere(labels == value) for value in present]

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Draw a batch of randomly turned and flipped crops."""
        crops = [_turn(*self._draw_one(rng), rng) for _ in range(size)]
        return Batch(
            torch.cat([channels for channels, _ in crops]),
            torch.stack([targets for _, targets in crops]),
        )

    def _draw_one(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        voxels = self._voxels[rng.integers(len(self._voxels))]
        voxel = voxels[rng.integers(len(voxels))]
        crop = tuple(
            _random_window(int(v), length, n, rng)
            for v, length, n in zip(voxel, self.edge, self.labels.shape, strict=True)
        )
        channels = self.cache.channels(crop)
        return channels, targets_in(self.labels, crop).to(channels.device)


def targets_in(labels: np.ndarray, region: Region) -> Tensor:
    """Class indices of a region, without what lies at a cut edge of it."""
    targets = labels[region].astype(np.int64) - 1
    for axis, (part, length) in enumerate(zip(region, labels.shape, strict=True)):
        view = np.moveaxis(targets, axis, 0)
        if part.start > 0:
            view[:EDGE] = IGNORE
        if part.stop < length:
            view[-EDGE:] = IGNORE
    return torch.from_numpy(targets)


def _random_window(
    voxel: int, length: int, size: int, rng: np.random.Generator
) -> slice:
    """A window of the image that holds the voxel, not at a cut edge of it."""
    low = max(0, min(voxel - length + 1 + EDGE, size - length))
    high = min(size - length, max(voxel - EDGE, 0))
    start = int(rng.integers(low, high + 1))
    return slice(start, start + length)


def _turn(
    channels: Tensor, targets: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Flip and permute axes; the front end's channels do not care."""
    dims = targets.ndim
    flips = [axis for axis in range(dims) if rng.random() < 0.5]
    channels = channels.flip([axis + 2 for axis in flips])
    targets = targets.flip(flips)
    if len(set(targets.shape)) == 1:
        order = [int(axis) for axis in rng.permutation(dims)]
        channels = channels.permute(0, 1, *[axis + 2 for axis in order])
        targets = targets.permute(order)
    return channels, targets
