"""Describe patches by the fixed filters that the networks start from: no training.

Mean, standard deviation and maximum of each channel over the patch: on patches of
concrete they tell thin fibers better than what an autoencoder keeps, which spends its
few numbers on what varies most.
"""

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.progress import Steps

if TYPE_CHECKING:
    from torch import Tensor

    from napari_sciml.networks.scale_space import ScaleSpace

BLOCK_VOXELS = {2: 2**20, 3: 2**19}
"""Voxels of a block, halo left out; one takes a few tenths of a second."""
NUMBERS = 3
"""Of each channel."""
SAMPLED_IMAGES = 50


def describe_front(
    patches: PatchGrid | WholeImages, spacing: Sequence[float] | None = None
) -> Steps[np.ndarray]:
    """Describe each patch by means, deviations and maxima of the fixed filters.

    Parameters
    ----------
    patches
        What is described.
    spacing
        Edges of a voxel along the axes of a patch; none = all alike.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(n, 3 * channels)`` float32: means, then deviations, then maxima.
    """
    import torch

    from napari_sciml.networks.scale_space import ScaleSpace

    scale = scale_of(patches)
    front = ScaleSpace(
        len(patches.edges), spacing=spacing, inputs=patches.channels
    ).eval()
    if isinstance(patches, WholeImages):
        return (yield from _images(patches, front, scale))
    made = np.empty((*patches.shape, NUMBERS * front.channels), np.float32)
    blocks = [*blocks_of(patches)]
    for done, (where, core) in enumerate(blocks, start=1):
        with torch.inference_mode():
            channels = channels_in(patches, front, scale, core)
            pooled = torch.cat(pool(channels, patches))
            made[where] = pooled.movedim(0, -1).numpy().reshape(made[where].shape)
        yield done / len(blocks)
    return made.reshape(len(patches), -1)


def scale_of(patches: PatchGrid | WholeImages) -> IntensityScale:
    """Gray values of the image, or of all images together."""
    if isinstance(patches, PatchGrid):
        return estimate_intensity(patches.image)
    step = -(-len(patches) // SAMPLED_IMAGES)
    sample = np.stack([patches.read(i) for i in range(0, len(patches), step)])
    rows = np.moveaxis(sample, 1, -1)
    return estimate_intensity(_Rows(rows.reshape(-1, rows.shape[-1])))


class _Rows:
    """Values ``(n, channel)`` as an image of one row of pixels."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self.channels = values.shape[1]
        self.shape = (len(values),)
        self.dtype = values.dtype

    def __getitem__(self, key: Region) -> np.ndarray:
        return self._values[key]


def blocks_of(grid: PatchGrid) -> Iterator[tuple[Region, Region]]:
    """Groups of neighboring patches, and the part of the image that they cover."""
    counts = _counts(grid)
    rounds = [-(-n // c) for n, c in zip(grid.shape, counts, strict=True)]
    for first in np.ndindex(*rounds):
        where = tuple(
            slice(at * c, min(n, (at + 1) * c))
            for at, c, n in zip(first, counts, grid.shape, strict=True)
        )
        core = tuple(
            slice(int(s[w.start]), int(s[w.stop - 1]) + edge)
            for s, w, edge in zip(grid.starts, where, grid.size, strict=True)
        )
        yield where, core


def _counts(grid: PatchGrid) -> list[int]:
    """Patches of a block along each axis: a slice alone, else as many as fit."""
    counts = [1] * len(grid.shape)
    for axis in reversed(range(len(counts) - grid.dims, len(counts))):
        others = np.prod(
            [
                (c - 1) * step(s) + e
                for a, (c, s, e) in enumerate(
                    zip(counts, grid.starts, grid.size, strict=True)
                )
                if a != axis
            ]
        )
        room = BLOCK_VOXELS[grid.dims] / others - grid.size[axis]
        most = 1 + int(max(0, room) // step(grid.starts[axis]))
        counts[axis] = min(grid.shape[axis], most)
    return counts


def step(starts: np.ndarray) -> int:
    """Voxels from one patch to the next along an axis."""
    return int(starts[1] - starts[0]) if len(starts) > 1 else 1


def channels_in(
    grid: PatchGrid, front: "ScaleSpace", scale: IntensityScale, core: Region
) -> "Tensor":
    """Channels ``(c, …)`` of the front end in a part of the image, with its halo."""
    import torch

    from napari_sciml.networks.scale_space import as_batch

    flat = len(core) - grid.dims
    tile = with_halo(core, [0] * flat + [*front.reach], grid.image.shape)
    values = scale.apply(grid.image[tile.read])
    if flat:
        values = values[0]
    inner = Tile(tile.core[flat:], tile.read[flat:])
    batch = as_batch(torch.from_numpy(np.ascontiguousarray(values)), grid.dims)
    found: Tensor = front(batch.to(front.center.device), inner.surround)[0]
    return found


def pool(channels: "Tensor", grid: PatchGrid) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Mean, deviation and maximum of channels ``(c, …)`` over each patch of a block."""
    from torch.nn import functional

    dims = grid.dims
    means = {2: functional.avg_pool2d, 3: functional.avg_pool3d}[dims]
    most = {2: functional.max_pool2d, 3: functional.max_pool3d}[dims]
    steps = [step(starts) for starts in grid.starts[-dims:]]
    edges = grid.size[-dims:]
    wide = channels.double()[None]  # a small deviation of large values
    mean = means(wide, edges, steps)[0]
    square = means(wide * wide, edges, steps)[0]
    std = (square - mean**2).clamp_min(0).sqrt()
    largest = most(channels[None], edges, steps)[0]
    return mean.float(), std.float(), largest


def _images(
    images: WholeImages, front: "ScaleSpace", scale: IntensityScale
) -> Generator[float, None, np.ndarray]:
    import torch

    rows = []
    for index in range(len(images)):
        values = scale.apply(np.moveaxis(images.read(index), 0, -1))
        batch = torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))[None]
        with torch.inference_mode():
            flat = front(batch)[0].flatten(1).double()
        parts = (flat.mean(1), flat.std(1), flat.amax(1))
        rows.append(torch.cat(parts).float().numpy())
        yield (index + 1) / len(images)
    return np.stack(rows)
