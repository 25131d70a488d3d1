"""Ask both stages of trees about single voxels, without the block round them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.networks.scale_space import continued
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.networks.trees.forest_block import (
    GROUPS,
    Stages,
    ask_first,
    beside,
    group_ranges,
)


def rows_around(
    trees: Stages, image: Tensor, core: Region, read: Region, shape: Sequence[int]
) -> np.ndarray:
    """Channels of the voxels of a region, and of the context of each.

    Parameters
    ----------
    trees
        Both stages.
    image
        ``(inputs, …)`` float32 of ``read``.
    core
        The voxels.
    read
        What ``image`` is of; holds the halo of the trees round ``core``, but for what
        lies outside of the image.
    shape
        Of the image.

    Returns
    -------
    ndarray
        ``(voxel, point, channel)`` float32; the first point is the voxel itself.
    """
    near = with_halo(core, trees.context.reach, shape)
    seen = with_halo(near.read, trees.bank.reach, shape)
    with torch.inference_mode():
        part = image[:, *Tile(seen.read, read).inner]
        channels, axis = trees.bank(part, seen.surround)
    return _gathered(trees, channels, axis, near)


def rows_of_pictures(
    trees: Stages, images: Tensor, core: Region, read: Region, shape: Sequence[int]
) -> np.ndarray:
    """Rows ``(n, voxel, point, channel)`` of several versions of a picture at once.

    Of small pictures to call the filters takes longer than to run them, so all are
    put below each other, so far apart that no filter sees two.

    Parameters
    ----------
    images
        ``(n, inputs, y, x)`` float32 of ``read``.
    trees, core, read, shape
        As in `rows_around`.
    """
    near = with_halo(core, trees.context.reach, shape)
    seen, reach = with_halo(near.read, trees.bank.reach, shape), trees.bank.reach
    part = images[:, :, *Tile(seen.read, read).inner]
    lacks = [
        (r - low, r - high) for r, (low, high) in zip(reach, seen.surround, strict=True)
    ]
    padded = continued(part, lacks)
    length = padded.shape[2]
    with torch.inference_mode():
        tall = padded.movedim(0, 1).flatten(1, 2)
        channels, axis = trees.bank(tall, [(r, r) for r in reach])
    height = near.read[0].stop - near.read[0].start
    own = [slice(n * length, n * length + height) for n in range(len(images))]
    return np.stack(
        [_gathered(trees, channels[:, part], axis[:, part], near) for part in own]
    )


def _gathered(trees: Stages, channels: Tensor, axis: Tensor, near: Tile) -> np.ndarray:
    """Rows of the core of what is near, and of its context."""
    along = axis[:, *near.inner].flatten(1).cpu().numpy()
    lengths = [part.stop - part.start for part in near.read]
    inner = np.indices([part.stop - part.start for part in near.inner])
    starts = np.array([part.start for part in near.inner])
    places = inner.reshape(len(starts), -1).T + starts
    # The image is continued at its borders, which is where what is read ends.
    at = places[:, None] + trees.context.offsets(along)
    at = np.clip(at, 0, np.array(lengths) - 1)
    rows = channels.movedim(0, -1).cpu().numpy()
    return np.ascontiguousarray(rows[tuple(np.moveaxis(at, 2, 0))])


def rows_of_second(trees: Stages, rows: np.ndarray) -> np.ndarray:
    """What the second stage sees ``(voxel, channel)``, from `rows_around`."""
    voxels, points, channels = rows.shape
    groups, _ = ask_first(trees.first, rows.reshape(-1, channels))
    known = groups.mean(0).reshape(voxels, points, -1)
    return np.concatenate([rows[:, 0], trees.context.of_points(known)], axis=1)


def ask_about(trees: Stages, rows: np.ndarray) -> np.ndarray:
    """Answers ``(member, voxel, class)`` of both stages, as those of blocks.

    Parameters
    ----------
    trees
        Both stages.
    rows
        As from `rows_around`.
    """
    own = np.ascontiguousarray(rows[:, 0])
    groups, left = ask_first(trees.first, own)
    second = np.repeat(groups.mean(0)[None], GROUPS, axis=0)
    if len(left):
        _fill_second(trees.second, rows_of_second(trees, rows[left]), second, left)
    return beside(trees.linear, np.concatenate([groups, second]), own)


def _fill_second(
    stage: Forest, seen: np.ndarray, answers: np.ndarray, left: np.ndarray
) -> None:
    for number, own in enumerate(group_ranges(stage)):
        answers[number, left] = stage.probabilities(seen, own)
