"""Several images in one space of voxels, so that one training can learn from all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channel_words, channels_of
from napari_sciml.images.intensity import IntensityScale, estimate_intensity, is_far
from napari_sciml.images.tiles import Region

APART = 4096
"""Voxels between two images along the first axis: no crop or cell is as large."""
START = 1024
"""Images begin at multiples of it, so that cells and pooled voxels begin with them."""
LONGEST = 2**20
"""Voxels along the other axes. Flat places in the space stay the same when an image is
added."""
FIRST = 2**22
"""Voxels along the first axis; all together fit into 64 bits."""


@dataclass(frozen=True)
class Part:
    """One image of a mosaic.

    Attributes
    ----------
    image
        Array-like of raw gray values.
    frame
        Where it lies.
    scale
        Of its gray values.
    own_scale
        Whether its gray values are far from those of the first image, so that they
        are brought to the same median and spread.
    """

    image: Any
    frame: Region
    scale: IntensityScale
    own_scale: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image."""
        return tuple(part.stop - part.start for part in self.frame)


class Mosaic:
    """Images that lie far apart along the first axis of one space of voxels.

    What is cut out of it lies in one of them. Labels in this space, their strokes and
    their split need to know nothing of that; what looks around a voxel asks `frame_at`
    where its image ends.

    Parameters
    ----------
    images
        Array-likes of raw gray values, ``(y, x)`` or ``(z, y, x)``, of any sizes, with
        the same number of axes and channels.

    Attributes
    ----------
    shape
        Of the space; the same for any number of images.
    parts
        The images in the order in which they came.

    Raises
    ------
    InputError
        When an image does not go with the first one.
    """

    def __init__(self, images: Sequence[Any]) -> None:
        self.parts: list[Part] = []
        for image in images:
            self.add(image)

    def add(self, image: Any) -> int:
        """Put one more image beside the others, and tell its number."""
        if self.parts:
            self._check(image)
        scale = estimate_intensity(image)
        last = self.parts[-1].frame[0].stop + APART if self.parts else 0
        start = -(-last // START) * START
        first, *others = (int(n) for n in image.shape)
        if start + first > FIRST or max(others, default=0) > LONGEST:
            raise InputError(
                f"There is no room for an image of the shape {tuple(image.shape)} "
                "beside the others in one training: train on crops."
            )
        frame = (slice(start, start + first), *(slice(0, n) for n in others))
        own = bool(self.parts) and is_far(self.parts[0].scale, scale)
        self.parts.append(Part(image, frame, scale, own))
        return len(self.parts) - 1

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.parts[0].frame)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the space, most of which is empty."""
        return (FIRST, *(LONGEST,) * (self.ndim - 1))

    @property
    def channels(self) -> int:
        """Values of each voxel."""
        return channels_of(self.parts[0].image)

    @property
    def dtype(self) -> np.dtype:
        """Type that holds the gray values of all images."""
        return np.result_type(*(part.image.dtype for part in self.parts))

    @property
    def intensity(self) -> IntensityScale:
        """Of the first image, which the others are brought to if they are far."""
        several = any(part.own_scale for part in self.parts)
        return replace(self.parts[0].scale, per_image=several)

    def __getitem__(self, region: Region) -> np.ndarray:
        """Give the gray values of a region in one of the images."""
        part = self.parts[self._number(region[0].start)]
        pairs = zip(region, part.frame, strict=True)
        local = tuple(slice(r.start - f.start, r.stop - f.start) for r, f in pairs)
        values = np.asarray(part.image[local])
        if not part.own_scale:
            return values
        return brought_to(self.intensity, part.scale.apply(values))

    def frame_at(self, first: int) -> Region:
        """Frame of the image at a place along the first axis."""
        return self.parts[self._number(first)].frame

    def to_space(self, number: int, indices: np.ndarray) -> np.ndarray:
        """Flat places in the space of flat places in an image, ascending as they."""
        part = self.parts[number]
        voxels = np.stack(np.unravel_index(indices, part.shape))
        voxels[0] += part.frame[0].start
        return np.ravel_multi_index(tuple(voxels), self.shape).astype(np.int64)

    def numbers_of(self, indices: np.ndarray) -> np.ndarray:
        """Number of the image that each flat place in the space lies in."""
        along = np.asarray(indices, np.int64) // LONGEST ** (self.ndim - 1)
        starts = [part.frame[0].start for part in self.parts]
        return np.searchsorted(starts, along, side="right") - 1

    def to_image(self, number: int, indices: np.ndarray) -> np.ndarray:
        """Flat places in an image of flat places in the space that lie in it."""
        part = self.parts[number]
        voxels = np.stack(np.unravel_index(indices, self.shape))
        voxels[0] -= part.frame[0].start
        return np.ravel_multi_index(tuple(voxels), part.shape).astype(np.int64)

    def _number(self, first: int) -> int:
        starts = [part.frame[0].start for part in self.parts]
        return int(np.searchsorted(starts, first, side="right")) - 1

    def _check(self, image: Any) -> None:
        first = self.parts[0].image
        if len(image.shape) != len(first.shape):
            raise InputError(
                f"All images of a training have the same number of axes, but one has "
                f"the shape {tuple(first.shape)} and another {tuple(image.shape)}."
            )
        channels = channels_of(first), channels_of(image)
        if channels[0] != channels[1]:
            raise InputError(
                f"All images of a training have the same number of channels, but one "
                f"has {channel_words(channels[0])} and another "
                f"{channel_words(channels[1])}."
            )


def brought_to(scale: IntensityScale, mapped: np.ndarray) -> np.ndarray:
    """Gray values on another image's scale, float32, of mapped ones."""
    factor, offset = np.asarray(scale.scale), np.asarray(scale.offset)
    return np.asarray(mapped / factor + offset, np.float32)


def frame_at(image: Any, place: Region | np.ndarray) -> Region:
    """Where the image ends that a region, or a voxel, lies in.

    Parameters
    ----------
    image
        Array-like, or a `Mosaic`.
    place
        Slices with a start, or coordinates ``(ndim,)``.
    """
    if isinstance(image, Mosaic):
        first = place[0]
        return image.frame_at(
            int(first.start if isinstance(first, slice) else first),
        )
    return tuple(slice(0, int(n)) for n in image.shape)


def frames_of(image: Any) -> list[Region]:
    """Frames of all images: of a plain array its own."""
    if isinstance(image, Mosaic):
        return [part.frame for part in image.parts]
    return [tuple(slice(0, int(n)) for n in image.shape)]


def intensity_of(image: Any) -> IntensityScale:
    """Scale of the gray values that an image, or a mosaic, gives."""
    if isinstance(image, Mosaic):
        return image.intensity
    return estimate_intensity(image)
