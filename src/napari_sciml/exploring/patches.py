"""Where patches lie in an image, and sets of whole images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import LEAST_PATCHES
from napari_sciml.images.channels import channels_of
from napari_sciml.images.tiles import Region

LONGEST_THUMBNAIL = 64
COMMON_EDGE = 128
"""Longest edge to which whole images are brought, so that a network takes them."""
MOST_PATCHES = 2_000_000


class Patches(Protocol):
    """What is explored: patches of one image, or several whole images."""

    channels: int
    edges: tuple[int, ...]
    """Shape of a patch for a network."""

    def __len__(self) -> int:
        """How many."""
        ...

    def read(self, index: int) -> np.ndarray:
        """Gray values ``(c, …)`` of the shape `edges`, any dtype."""
        ...

    def thumbnail(self, index: int) -> np.ndarray:
        """A small picture ``(y, x)`` float32."""
        ...

    def places(self) -> np.ndarray:
        """Centers ``(n, axes)`` in voxels."""
        ...


@dataclass(frozen=True, eq=False)
class PatchGrid:
    """Patches of an image at even distances; the margin that is left is halved.

    Attributes
    ----------
    image
        Array-like ``(y, x)`` or ``(z, y, x)``, perhaps a `ChannelImage`.
    dims
        2 for patches of slices, which are a voxel thick along z; 3 for cubes.
    starts
        First voxels of the patches along each axis.
    size
        Shape of a patch, one number an axis.
    """

    image: Any
    dims: int
    starts: tuple[np.ndarray, ...]
    size: tuple[int, ...]

    @classmethod
    def of(
        cls,
        image: Any,
        *,
        patch: int,
        stride: int,
        dims: int,
        least: int = LEAST_PATCHES,
    ) -> "PatchGrid":
        """Lay a grid of patches over an image.

        Parameters
        ----------
        image
            As the attribute.
        patch, stride
            Edge, and voxels from one to the next.
        dims
            As the attribute.
        least
            Fewer patches are refused.

        Raises
        ------
        InputError
            When a patch is larger than the image, there are too few or far too many.
        """
        shape = tuple(int(n) for n in image.shape)
        if dims > len(shape):
            raise InputError(
                "The image has no third axis, so it has no cubes: take patches of 2 "
                "axes."
            )
        size = (1,) * (len(shape) - dims) + (patch,) * dims
        if any(n < edge for n, edge in zip(shape[-dims:], size[-dims:], strict=True)):
            raise InputError(
                f"A patch of {patch} voxels is larger than the image "
                f"{_times(shape[-dims:])}: take a smaller patch."
            )
        # Of a stack of pictures that each hold one patch, none is left out.
        alone = all(n - patch < stride for n in shape[-dims:])
        starts = tuple(
            _starts(n, e, 1 if e == 1 and alone else stride)
            for n, e in zip(shape, size, strict=True)
        )
        grid = cls(image, dims, starts, size)
        if len(grid) < least:
            raise InputError(
                f"The image has room for {len(grid)} patches only, and fewer than "
                f"{least} make no map: take a smaller patch or stride."
            )
        if len(grid) > MOST_PATCHES:
            raise InputError(
                f"These would be {len(grid):,} patches: take a larger stride."
            )
        return grid

    def __len__(self) -> int:
        return math.prod(len(axis) for axis in self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Patches along each axis."""
        return tuple(len(axis) for axis in self.starts)

    @property
    def channels(self) -> int:
        """Values of each voxel."""
        return channels_of(self.image)

    @property
    def edges(self) -> tuple[int, ...]:
        """Shape of a patch without the axis of slices."""
        return self.size[-self.dims :]

    def region(self, index: int) -> Region:
        """Where a patch lies."""
        place = np.unravel_index(index, self.shape)
        return tuple(
            slice(int(first[at]), int(first[at]) + edge)
            for first, at, edge in zip(self.starts, place, self.size, strict=True)
        )

    def read(self, index: int) -> np.ndarray:
        """Gray values ``(c, …)`` of a patch."""
        values = np.asarray(self.image[self.region(index)])
        if self.channels > 1:
            values = np.moveaxis(values, -1, 0)
        return values.reshape(self.channels, *self.edges)

    def thumbnail(self, index: int) -> np.ndarray:
        """Give the patch, of a cube its middle slice; of channels the mean."""
        return shrunk(middle_slice(self.read(index)))

    def places(self) -> np.ndarray:
        """Centers ``(n, axes)`` in voxels."""
        centers = [
            first + (edge - 1) / 2
            for first, edge in zip(self.starts, self.size, strict=True)
        ]
        mesh = np.meshgrid(*centers, indexing="ij")
        return np.stack([axis.ravel() for axis in mesh], axis=1)


class SlabReader:
    """Reads patches in ascending order, each slice or slab of a lazy image once.

    Parameters
    ----------
    patches
        What is read.
    """

    def __init__(self, patches: "PatchGrid | WholeImages") -> None:
        self._patches = patches
        self._slab: tuple[slice, np.ndarray] | None = None

    def read(self, index: int) -> np.ndarray:
        """Give the gray values ``(c, …)`` of a patch."""
        grid = self._patches
        lazy = isinstance(grid, PatchGrid) and not isinstance(grid.image, np.ndarray)
        if not isinstance(grid, PatchGrid) or not lazy or len(grid.size) < 3:
            return grid.read(index)
        first, *rest = grid.region(index)
        if self._slab is None or self._slab[0] != first:
            self._slab = first, np.asarray(grid.image[first])
        values = self._slab[1][:, *rest]
        if grid.channels > 1:
            values = np.moveaxis(values, -1, 0)
        return values.reshape(grid.channels, *grid.edges)


class WholeImages:
    """Several images, each of which is a point.

    Parameters
    ----------
    images
        Array-likes ``(y, x)`` or ``(z, y, x)``, all with as many axes and channels.

    Raises
    ------
    InputError
        When there are fewer than 20, or they do not fit together.
    """

    def __init__(self, images: Sequence[Any]) -> None:
        self.images = list(images)
        if len(self.images) < LEAST_PATCHES:
            raise InputError(
                f"These are {len(self.images)} images only, and fewer than "
                f"{LEAST_PATCHES} make no map: give more, or a single one to look at "
                "its patches."
            )
        kinds = {(len(im.shape), channels_of(im)) for im in self.images}
        if len(kinds) > 1:
            raise InputError(
                "The images have different numbers of axes or channels: give images "
                "of one kind."
            )
        self.channels = channels_of(self.images[0])
        shapes = np.array([im.shape for im in self.images])
        self.edges = tuple(int(min(n, COMMON_EDGE)) for n in shapes.min(0))

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> np.ndarray:
        """Gray values ``(c, …)``, brought to the common shape."""
        image = self.images[index]
        values = np.asarray(image[(slice(None),) * len(image.shape)])
        channels = np.moveaxis(values, -1, 0) if self.channels > 1 else values[None]
        if channels.shape[1:] == self.edges:
            return channels
        from skimage.transform import resize

        wanted = (self.channels, *self.edges)
        made = resize(channels.astype(np.float32), wanted, anti_aliasing=True)
        return np.asarray(made, np.float32)

    def thumbnail(self, index: int) -> np.ndarray:
        """Give the image, small."""
        return shrunk(middle_slice(self.read(index)))

    def places(self) -> np.ndarray:
        """Middles ``(n, axes)`` of the images in voxels."""
        return (np.array([im.shape for im in self.images], float) - 1) / 2


def middle_slice(values: np.ndarray) -> np.ndarray:
    """Mean of the channels ``(c, …)``, of a cube in its middle slice, float32."""
    gray = values.mean(0, dtype=np.float32)
    return gray[gray.shape[0] // 2] if gray.ndim == 3 else gray


def shrunk(picture: np.ndarray) -> np.ndarray:
    """Average blocks of pixels until a picture is small."""
    factor = -(-max(picture.shape) // LONGEST_THUMBNAIL)
    if factor == 1:
        return picture
    rows, columns = (n // factor * factor for n in picture.shape)
    if not rows or not columns:
        return picture[::factor, ::factor]
    blocks = picture[:rows, :columns].reshape(
        rows // factor, factor, columns // factor, factor
    )
    return blocks.mean((1, 3), dtype=np.float32)


def _starts(length: int, edge: int, stride: int) -> np.ndarray:
    first = (length - edge) % stride // 2
    return np.arange(first, length - edge + 1, stride)


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
