"""Predict an image block by block, with the same result as in one piece."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import (
    Region,
    Tile,
    nearest_first,
    split_into_tiles,
    with_halo,
)
from napari_sciml.networks.device import (
    autocast,
    has_fast_bfloat16,
    resolve_device,
)
from napari_sciml.networks.ensemble import Ensemble, memory_format, network_reach
from napari_sciml.uncertainty.statistics import RunningStatistics

DEFAULT_BLOCK = {2: 512, 3: 128}


@dataclass(frozen=True)
class BlockPredicted:
    """A block is done.

    Attributes
    ----------
    tile
        Where it lies; the arrays belong to ``tile.core``.
    mean, std
        ``(class, …)`` float32: mean and sample standard deviation over members.
    information
        ``(…)`` float32: what the members disagree about, of all classes together;
        see `RunningStatistics.mutual_information`.
    done, total
        Blocks done so far, and in all.
    model
        Number of the model, where one of several predicts.
    """

    tile: Tile
    mean: np.ndarray
    std: np.ndarray
    information: np.ndarray
    done: int
    total: int
    model: int = 0


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation over the members, ``(class, …)`` float32."""

    mean: np.ndarray
    std: np.ndarray


def predict_blocks(
    ensemble: Ensemble,
    image: Any,
    *,
    block: int | None = None,
    region: Region | None = None,
    center: Sequence[float] | None = None,
    device: str | torch.device = "auto",
    half: bool = False,
) -> Generator[BlockPredicted | None, None, None]:
    """Predict an image, or a region of it, nearest to ``center`` first.

    A block is read with a halo as wide as the networks see, and from where their
    pooling grid starts, so that the result does not depend on the blocks.

    Parameters
    ----------
    ensemble
        Trained networks.
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; only blocks
        of it are read. See `napari_sciml.images.channels` for several channels.
    block
        Longest edge of a block in voxels; 128 in 3D and 512 in 2D by default.
    region
        Part to predict; all by default.
    center
        Voxel to start from; C order by default.
    device
        Where to compute; the ensemble is moved there.
    half
        Compute the networks in bfloat16 by autocast: about twice as fast, and
        probabilities differ by up to about 0.01. Ignored where it is not native
        (see `has_fast_bfloat16`), as it would be slower there.

    Yields
    ------
    BlockPredicted or None
        None after each member, so that a caller can stop in between.

    Raises
    ------
    InputError
        When the image has another number of axes or channels than the model is for.
    """
    if image.ndim != ensemble.dims:
        raise InputError(
            f"The model was trained on {ensemble.dims}D images and cannot predict "
            f"an image of shape {tuple(image.shape)}."
        )
    ensemble.check_channels(image)
    size = block or DEFAULT_BLOCK[ensemble.dims]
    tiles = split_into_tiles(
        image.shape, size, ensemble.halo, region, align=ensemble.stride
    )
    if center is not None:
        tiles = nearest_first(tiles, center)
    where = resolve_device(device) if isinstance(device, str) else device
    half = half and has_fast_bfloat16(where)
    ensemble.to(where).eval()
    for done, tile in enumerate(tiles, start=1):
        values = torch.from_numpy(ensemble.intensity.apply(image[tile.read]))
        found = yield from _member_statistics(
            ensemble, values.to(where), tile, image.shape, half
        )
        yield BlockPredicted(tile, *found, done, len(tiles))


def predict(
    ensemble: Ensemble,
    image: Any,
    *,
    block: int | None = None,
    device: str | torch.device = "auto",
    half: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Predict a whole image into memory; see `predict_blocks`."""
    shape = (len(ensemble.class_names), *image.shape)
    mean, std = np.empty(shape, np.float32), np.empty(shape, np.float32)
    events = predict_blocks(ensemble, image, block=block, device=device, half=half)
    for event in events:
        if event is None:
            continue
        mean[:, *event.tile.core] = event.mean
        std[:, *event.tile.core] = event.std
        if progress is not None:
            progress(event.done, event.total)
    return Prediction(mean, std)


def _member_statistics(
    ensemble: Ensemble,
    values: Tensor,
    tile: Tile,
    shape: Sequence[int],
    half: bool,
) -> Generator[None, None, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    statistics = RunningStatistics(entropies=True)
    seen = with_halo(tile.core, ensemble.reach, shape, align=ensemble.stride)
    # Gradient mode belongs to the thread: it must not stay off over a yield.
    with torch.inference_mode():
        channels = ensemble.channels(values, Tile(seen.read, tile.read).surround)
    for member, network in enumerate(ensemble.members):
        # Each member sees no more than it needs: most need less than the widest.
        reach, stride = network_reach(network), network.stride
        own = with_halo(tile.core, reach, shape, align=stride)
        part = channels[:, :, *Tile(own.read, seen.read).inner]
        part = part.contiguous(memory_format=memory_format(ensemble.dims))
        first, *others = own.inner
        inside = reach[0] == first.start == part.shape[2] - first.stop
        with torch.inference_mode(), autocast(values.device, half):
            found = ensemble.probabilities(member, part, inside=inside)
            cut = slice(None) if inside else first
            statistics.add(found[:, cut, *others])
        yield
    parts = statistics.mean, statistics.std, statistics.mutual_information
    mean, std, information = map(_numpy, parts)
    return mean, std, information


def _numpy(values: Tensor) -> np.ndarray:
    return values.to("cpu", torch.float32).numpy()
