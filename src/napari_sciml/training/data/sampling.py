"""Draw training crops round labels, so that no time goes to unlabeled voxels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.mosaic import frame_at, frames_of
from napari_sciml.images.tiles import Region
from napari_sciml.training.data.augmentation import augment, joined, shuffled_axes
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.targets import IGNORE

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
    shares
        ``(n, class, …)`` shares of the classes that somebody else has told, instead of
        targets; None = nobody has.
    known
        ``(n, …)`` bool: where the shares count.
    """

    channels: Tensor
    targets: Tensor
    shares: Tensor | None = None
    known: Tensor | None = None


class CropSampler:
    """Crops that hold labels, every class equally often at their center.

    Parameters
    ----------
    labels
        Annotation of the shape of the image.
    cache
        Where the channels come from.
    edge
        Edges of a crop in voxels, one for each axis or one for all; shorter where
        the image is smaller, or one of the images.
    augmentation
        How crops are varied.
    spacing
        Edges of a voxel; axes of different spacing are never exchanged.
    times
        How much likelier each labeled voxel is the center of a crop than others of
        its class, ``(n,)``; see `bootstrap_strokes`. None = all alike.
    centers
        The voxels that crops are drawn round, instead of all with their times.
    """

    def __init__(
        self,
        labels: Scribbles,
        cache: ChannelCache,
        *,
        edge: int | Sequence[int],
        augmentation: AugmentationConfig | None = None,
        spacing: Sequence[float] | None = None,
        times: np.ndarray | None = None,
        centers: Scribbles | None = None,
    ) -> None:
        self.labels = labels
        self.cache = cache
        self.edge = crop_edges(cache.image, edge)
        self.augmentation = augmentation or AugmentationConfig()
        self.spacing = spacing
        self._edges = tuple(spacing or [1.0] * labels.ndim)
        indices = labels.indices if centers is None else centers.indices
        if times is not None and centers is None:
            indices = np.repeat(indices, times)
        values = labels.values_at(indices)
        self._indices = [indices[values == value] for value in np.unique(values)]

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Draw a batch of crops, each varied in its own way."""
        crops = [self._draw_one(rng) for _ in range(size)]
        return Batch(
            torch.cat([channels for channels, _ in crops]),
            torch.stack([targets for _, targets in crops]),
        )

    def _draw_one(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        indices = self._indices[rng.integers(len(self._indices))]
        index = indices[rng.integers(len(indices))]
        voxel = np.unravel_index(index, self.labels.shape)
        frame = frame_at(self.cache.image, np.array(voxel))
        crop = tuple(
            _random_window(int(v), length, part, rng)
            for v, length, part in zip(voxel, self.edge, frame, strict=True)
        )
        if self.augmentation.active:
            return self._varied(crop, frame, rng)
        channels = self.cache.channels(crop)
        targets = targets_in(self.labels, crop, frame).to(channels.device)
        return self._turn(channels, targets, rng)

    def _varied(
        self, crop: Region, frame: Region, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Vary the gray values, and only then compute channels of them."""
        reach = self.cache.ensemble.front.radius * joined(self._edges)
        read, margins, inner = [], [], []
        for part, whole, r in zip(crop, frame, reach.tolist(), strict=True):
            # The same margin on both sides: flips leave the crop in the middle.
            low, high = max(whole.start, part.start - r), min(whole.stop, part.stop + r)
            read.append(slice(low, high))
            margins.append((low - part.start + r, part.stop + r - high))
            inner.append(slice(r, r + part.stop - part.start))
        gray = self.cache.gray(tuple(read))
        more = [(0, 0)] * (gray.ndim - len(crop))  # an axis of channels is not padded
        gray = np.pad(gray, [*margins, *more], mode="edge")
        targets = np.full(gray.shape[: len(crop)], IGNORE, np.int64)
        targets[*inner] = targets_in(self.labels, crop, frame).numpy()
        gray, targets = augment(
            gray, targets, self.augmentation, rng, spacing=self.spacing
        )
        channels = self.cache.compute(gray)[:, :, *inner]
        return channels, torch.from_numpy(targets[*inner].copy()).to(channels.device)

    def _turn(
        self, channels: Tensor, targets: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Flip and exchange axes; the front end's channels do not care."""
        dims = targets.ndim
        if self.augmentation.flips:
            flips = [axis for axis in range(dims) if rng.random() < 0.5]
            channels = channels.flip([axis + 2 for axis in flips])
            targets = targets.flip(flips)
        if self.augmentation.turns:
            order = shuffled_axes(targets.shape, self._edges, rng)
            channels = channels.permute(0, 1, *[axis + 2 for axis in order])
            targets = targets.permute(order)
        return channels, targets


def bootstrap_strokes(
    labels: Scribbles, rng: np.random.Generator
) -> tuple[Scribbles, np.ndarray]:
    """Draw as many strokes as there are, with repetition; drop those never drawn.

    Class by class, so that none is lost (Breiman, *Bagging predictors*, 1996).

    Returns
    -------
    kept, times : Scribbles, ndarray of int
        The labels that are left, and how often the stroke of each was drawn: the
        ``times`` of `CropSampler`.
    """
    classes = np.array([stroke.label for stroke in labels.strokes()], np.uint8)
    drawn = np.zeros(len(classes), np.intp)
    for label in labels.counts:
        own = np.flatnonzero(classes == label)
        np.add.at(drawn, own[rng.integers(len(own), size=len(own))], 1)
    times = drawn[labels.stroke_numbers]
    return labels.subset(times > 0), times[times > 0]


def crop_edges(image: Any, edge: int | Sequence[int]) -> tuple[int, ...]:
    """Edges of a crop that lies in any of the images."""
    edges = [np.broadcast_to(edge, image.ndim).tolist()]
    edges += [[part.stop - part.start for part in frame] for frame in frames_of(image)]
    return tuple(np.min(edges, axis=0).tolist())


def targets_in(labels: Scribbles, region: Region, frame: Region) -> Tensor:
    """Give class indices of a region, without what lies at a cut edge of it."""
    targets = labels.values_in(region).astype(np.int64) - 1
    targets[~seen_enough(region, frame)] = IGNORE
    return torch.from_numpy(targets)


def seen_enough(region: Region, frame: Region) -> np.ndarray:
    """Where in a region networks see enough around: not at a cut edge of it.

    An edge of the image, which is the ``frame``, is none.

    An axis along which a region is a single voxel was never meant to give context.
    """
    enough = np.ones([part.stop - part.start for part in region], bool)
    for axis, (part, whole) in enumerate(zip(region, frame, strict=True)):
        if part.stop - part.start == 1:
            continue
        view = np.moveaxis(enough, axis, 0)
        if part.start > whole.start:
            view[:EDGE] = False
        if part.stop < whole.stop:
            view[-EDGE:] = False
    return enough


def _random_window(
    voxel: int, length: int, whole: slice, rng: np.random.Generator
) -> slice:
    """A window of the image that holds the voxel, not at a cut edge of it."""
    edge = EDGE if length > 1 else 0
    last = whole.stop - length
    low = max(whole.start, min(voxel - length + 1 + edge, last))
    high = min(last, max(voxel - edge, whole.start))
    start = int(rng.integers(low, high + 1))
    return slice(start, start + length)
