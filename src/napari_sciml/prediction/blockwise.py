"""Predict an image block by block, with the same result as in one piece."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import (
    Region,
    Tile,
    assemble,
    nearest_first,
    region_size,
    split_into_tiles,
    with_halo,
)
from napari_sciml.networks.device import (
    free_memory,
    has_fast_bfloat16,
    is_out_of_memory,
    resolve_device,
)
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.trees.kept_rows import KeptRows
from napari_sciml.prediction.members import add_groups, member_statistics
from napari_sciml.uncertainty.statistics import RunningStatistics

DEFAULT_BLOCK = {2: 512, 3: 128}
SMALLEST = 8
"""Longest edge of a part that is not halved again where memory is short."""
TOO_LITTLE = (
    "There is not enough memory for even the smallest block: close other programs, "
    "choose the device cpu, or train smaller networks."
)


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
    halved
        Whether memory was short, so that it was predicted in smaller parts.
    hasty
        Whether only the first stage of the trees was asked; see
        `BlockPredictor.sketch`.
    image
        Number of the image, where a training knows several.
    """

    tile: Tile
    mean: np.ndarray
    std: np.ndarray
    mutual_information: np.ndarray
    done: int
    total: int
    model: int = 0
    halved: bool = False
    hasty: bool = False
    image: int = 0


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
    kept: KeptRows | None = None,
) -> Generator[BlockPredicted | None, None, None]:
    """Predict an image, or a region of it, nearest to ``center`` first.

    A block is read with a halo as wide as the networks see, and from where their
    pooling grid starts, so that the result does not depend on the blocks. A block that
    does not fit into memory is predicted in halves, and these in halves again.

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
    kept
        As in `BlockPredictor`.

    Yields
    ------
    BlockPredicted or None
        None after each member, so that a caller can stop in between.

    Raises
    ------
    InputError
        When the image has another number of axes or channels than the model is for,
        or there is too little memory for even a small part.
    """
    predictor = BlockPredictor(ensemble, image, device=device, half=half, kept=kept)
    size = block or DEFAULT_BLOCK[ensemble.dims]
    tiles = split_into_tiles(
        image.shape, size, ensemble.halo, region, align=ensemble.stride
    )
    if center is not None:
        tiles = nearest_first(tiles, center)
    for done, tile in enumerate(tiles, start=1):
        found = yield from predictor.predict(tile.core)
        yield replace(found, done=done, total=len(tiles))


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


_Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Mean, deviation and information of a block."""


class BlockPredictor:
    """Predicts blocks of an image, in one piece or in parts where memory is short.

    Keep one for as long as blocks of the same image are predicted by the same
    ensemble: what did not fit is not tried again.

    Parameters
    ----------
    ensemble, image, device, half
        As in `predict_blocks`.
    kept
        Channels of what other trees were asked about in the same image.

    Attributes
    ----------
    too_many
        Voxels of the smallest block so far that did not fit.

    Raises
    ------
    InputError
        When the image has another number of axes or channels than the model is for.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        image: Any,
        *,
        device: str | torch.device = "auto",
        half: bool = False,
        kept: KeptRows | None = None,
    ) -> None:
        if image.ndim != ensemble.dims:
            raise InputError(
                f"The model was trained on {ensemble.dims}D images and cannot predict "
                f"an image of shape {tuple(image.shape)}."
            )
        ensemble.check_channels(image)
        self._device = resolve_device(device) if isinstance(device, str) else device
        self._half = half and has_fast_bfloat16(self._device)
        ensemble.to(self._device).eval()
        self._ensemble, self._image = ensemble.for_image(image), image
        self._kept = kept
        self.too_many: float = math.inf

    def tile(self, core: Region) -> Tile:
        """What has to be read for a block."""
        halo, stride = self._ensemble.halo, self._ensemble.stride
        return with_halo(core, halo, self._image.shape, align=stride)

    def predict(
        self, core: Region, values: np.ndarray | None = None
    ) -> Generator[None, None, BlockPredicted]:
        """Predict a block; yields after each member, of each part.

        Parameters
        ----------
        core
            The block.
        values
            Raw gray values of ``tile(core).read``, where they were read before.
        """
        tile = self.tile(core)
        held = None if values is None else (tile, values)
        found = yield from self._predict(tile, held)
        halved = region_size(tile.core) >= self.too_many
        return BlockPredicted(tile, *found, done=1, total=1, halved=halved)

    def sketch(self, core: Region) -> BlockPredicted:
        """Predict a block by the first stage of the trees alone, for a first look."""
        forest, ensemble = self._ensemble.forest, self._ensemble
        assert forest is not None
        tile = with_halo(core, forest.bank.reach, self._image.shape)
        gray = ensemble.intensity.apply(self._image[tile.read])
        values = torch.from_numpy(gray).to(self._device)
        statistics = RunningStatistics(entropies=True)
        groups = forest.hasty_probabilities(values, tile, self._image.shape)
        add_groups(statistics, ensemble, groups, self._device)
        return BlockPredicted(tile, *_found(statistics), done=1, total=1, hasty=True)

    def _predict(
        self, tile: Tile, held: "_Held | None"
    ) -> Generator[None, None, _Found]:
        if region_size(tile.core) < self.too_many:
            try:
                return (yield from self._at_once(tile, held))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if max(c.stop - c.start for c in tile.core) <= SMALLEST:
                    raise InputError(TOO_LITTLE) from error
            # Out of the handler: the error holds on to what did not fit.
            self.too_many = region_size(tile.core)
            free_memory(self._device)
        parts, found = [], []
        for core in _halves(tile.core):
            parts.append(self.tile(core))
            found.append((yield from self._predict(parts[-1], held)))
        mean, std, mutual_information = (
            assemble(tile, parts, arrays) for arrays in zip(*found, strict=True)
        )
        return mean, std, mutual_information

    def _at_once(
        self, tile: Tile, held: "_Held | None"
    ) -> Generator[None, None, _Found]:
        gray = self._ensemble.intensity.apply(self._raw(tile, held))
        values = torch.from_numpy(gray).to(self._device)
        statistics = yield from member_statistics(
            self._ensemble,
            values,
            tile,
            self._image.shape,
            half=self._half,
            kept=self._kept,
        )
        return _found(statistics)

    def _raw(self, tile: Tile, held: "_Held | None") -> Any:
        if held is None:
            return self._image[tile.read]
        whole, values = held
        return values[Tile(tile.read, whole.read).inner]


_Held = tuple[Tile, np.ndarray]
"""A tile, and what was read for it."""


def _halves(core: Region) -> tuple[Region, Region]:
    """Two regions that make up one, cut across its longest axis."""
    axis = int(np.argmax([part.stop - part.start for part in core]))
    start, stop = core[axis].start, core[axis].stop
    middle = (start + stop) // 2
    sides = (slice(start, middle), slice(middle, stop))
    first, second = ((*core[:axis], side, *core[axis + 1 :]) for side in sides)
    return first, second


def _found(statistics: RunningStatistics) -> _Found:
    parts = statistics.mean, statistics.std, statistics.mutual_information
    mean, std, mutual_information = map(_numpy, parts)
    return mean, std, mutual_information


def _numpy(values: Tensor) -> np.ndarray:
    return values.to("cpu", torch.float32).numpy()
