"""Predict where the user looks, a small piece at a time, then outwards."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from napari_sciml.images.tiles import (
    Region,
    Tile,
    assemble,
    nearest_first,
    region_size,
    split_into_tiles,
)
from napari_sciml.networks.device import has_fast_bfloat16
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.trees.kept_rows import KeptRows
from napari_sciml.prediction.blockwise import BlockPredicted, BlockPredictor
from napari_sciml.prediction.slice_tiles import SliceTiles
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox

SHARE = 0.25
"""Of the time of a training, to redraw what is already on the screen."""
BLOCK_EDGE = {2: 512, 3: 64}
ATTENDED = 64
"""Labeled voxels that tell where the user works."""

_Key = tuple[tuple[int, int], ...]


class ViewportScheduler:
    """Chooses what is predicted next, and predicts it.

    First what lies in the window, then the rest of the shown slice, then blocks of
    the volume, nearest first, and of these first the ones that no model has seen.
    Of a window onto very much, what is near the latest labels counts.
    Nothing is predicted twice by the same model, but where nothing was ever shown of a
    slice of a volume: there the first stage of the trees gives a first look. Where
    there is a picture by an older model already, what lies in the window is handed out
    in one piece, so that two models never share it.

    Parameters
    ----------
    image
        Array-like of raw gray values.
    target
        Where the user looks; may change at any time.
    device
        Where to compute.
    """

    def __init__(
        self, image: Any, target: ViewportMailbox, device: torch.device
    ) -> None:
        self._image = image
        self._target = target
        self._device = device
        self._ensemble: Ensemble | None = None
        self._predictor: BlockPredictor | None = None
        self._model = 0
        self._blocks: list[Tile] = []
        self._corners = np.empty((2, 0, 0), int)
        self._covering: dict[_Key, list[_Key]] = {}
        self._slice = SliceTiles(len(image.shape))
        self._rows = KeptRows()
        self._done: set[_Key] = set()
        self._known: set[_Key] = set()
        self._sketched: set[_Key] = set()
        self._begun: Tile | None = None
        self._pieces: Iterator[BlockPredicted | None] = iter(())
        self._ready: deque[BlockPredicted] = deque()
        self._kept: dict[_Key, BlockPredicted] = {}
        self._seen: Viewport | None = None
        self._urgent = False
        self._spent = 0.0
        self._since = time.monotonic()

    @property
    def complete(self) -> bool:
        """Whether the model at hand has nothing left to predict."""
        return self._ensemble is None or (not self._ready and self._next() is None)

    @property
    def urgent(self) -> bool:
        """Whether the user waits for what is in the window."""
        return self._urgent and self._ensemble is not None and bool(self._shown())

    @property
    def blank(self) -> bool:
        """Whether there is something in the window that a first look is owed of."""
        return self._unseen() is not None

    @property
    def _view(self) -> Viewport | None:
        """Where the user looks; None while that is another image."""
        view = self._target.view
        fits = view is not None and view.is_of(self._image.shape)
        return view if fits else None

    def attend(self, indices: np.ndarray) -> None:
        """Tell where the user works: voxels, flat in C order, for instance a stroke."""
        some = indices[:: max(1, len(indices) // ATTENDED)]
        voxels = np.unravel_index(some, self._image.shape)
        self._slice.attend(np.stack(voxels, axis=-1))

    def use(self, ensemble: Ensemble, model: int, *, urgent: bool = False) -> None:
        """Predict with another model from now on.

        Parameters
        ----------
        ensemble, model
            The networks and their number, which the blocks are marked with.
        urgent
            Whether the user waits for it: what is in the window comes at once.
        """
        if self._ensemble is None:
            self._blocks = _blocks(self._image.shape, ensemble.dims)
            keys = np.array([_key(block) for block in self._blocks])
            self._corners = np.moveaxis(keys, -1, 0)
        self._ensemble, self._model, self._urgent = ensemble, model, urgent
        self._predictor = None
        self._done.clear()
        self._kept.clear()
        self._ready.clear()
        self._abandon()
        self._spent, self._since = 0.0, time.monotonic()

    def is_due(self) -> bool:
        """Whether a training should make way for a prediction now."""
        if self._ensemble is None or self._view is None:
            return False
        left = [tile for tile in self._shown() if self._is_left(tile)]
        new = any(_key(tile) not in self._known for tile in left)
        if self._ready or new or (left and self._urgent):
            return True
        return self._spent < SHARE * (time.monotonic() - self._since)

    def advance(self) -> BlockPredicted | None:
        """Predict one member of one block; None where no block is finished by it."""
        started = time.monotonic()
        if not self._ready:
            self._work()
        self._spent += time.monotonic() - started
        return self._ready.popleft() if self._ready else None

    def _work(self) -> None:
        unseen = self._unseen()
        if unseen is not None:
            self._sketched.add(_key(unseen))
            self._hand_out(self._with_model().sketch(unseen.core))
            return
        view = self._view
        if self._begun is None or view is not self._seen:
            self._seen = view
            self._release()
            tile = None if self._ready else self._next()
            if tile is None:
                return
            if self._begun is None or tile.core != self._begun.core:
                self._begin(tile)
        block = next(self._pieces, None)
        if block is not None:
            self._finish(block)

    def _next(self) -> Tile | None:
        """What is wanted most."""
        for tiles in self._slice.of(self._view):
            tile = next((tile for tile in tiles if self._is_left(tile)), None)
            if tile is not None:
                return tile
        left = [block for block in self._blocks if _key(block) not in self._done]
        new = [block for block in left if _key(block) not in self._known]
        if not left:
            return None
        view, middle = self._view, [(n - 1) / 2 for n in self._image.shape]
        return nearest_first(new or left, view.point if view else middle)[0]

    def _unseen(self) -> Tile | None:
        """A tile of the window that nothing was ever shown of."""
        ensemble = self._ensemble
        if ensemble is None or ensemble.forest is None or ensemble.dims < 3:
            return None
        for tile in self._shown():
            key = _key(tile)
            if key not in self._sketched and self._is_left(tile):
                blocks = self._blocks_of(key)
                if key not in self._known and not self._known.issuperset(blocks):
                    return tile
        return None

    def _is_left(self, tile: Tile) -> bool:
        key = _key(tile)
        if key in self._done or key in self._kept:
            return False
        return not self._done.issuperset(self._blocks_of(key))

    def _blocks_of(self, key: _Key) -> list[_Key]:
        """The blocks that share voxels with a tile."""
        if key not in self._covering:
            (starts, stops), (begin, end) = self._corners, np.transpose(key)
            hit = np.flatnonzero(((starts < end) & (begin < stops)).all(axis=1))
            self._covering[key] = [_key(self._blocks[i]) for i in hit]
        return self._covering[key]

    def _begin(self, tile: Tile) -> None:
        self._begun = tile
        self._pieces = _pieces(self._with_model(), tile.core)

    def _with_model(self) -> BlockPredictor:
        assert self._ensemble is not None
        # The whole volume is predicted anew in full precision where it is kept.
        if self._predictor is None:
            self._predictor = BlockPredictor(
                self._ensemble,
                self._image,
                device=self._device,
                half=has_fast_bfloat16(self._device),
                kept=self._rows,
            )
        return self._predictor

    def _abandon(self) -> None:
        self._begun, self._pieces = None, iter(())

    def _finish(self, block: BlockPredicted) -> None:
        """Hand a block out, or keep it until the window is whole."""
        self._abandon()
        keys = [_key(tile) for tile in self._shown()]
        if _key(block.tile) in keys and any(key in self._known for key in keys):
            self._kept[_key(block.tile)] = block
        else:
            self._mark(block.tile)
            self._hand_out(block)
        self._release()

    def _release(self) -> None:
        """Hand out what was kept, once the window is whole."""
        window = self._shown()
        if not window or any(self._is_left(tile) for tile in window):
            return
        self._urgent = False
        keys = [_key(tile) for tile in window]
        parts = [self._kept.pop(key) for key in keys if key in self._kept]
        for part in parts:
            self._mark(part.tile)
        for block in _joined(parts):
            self._hand_out(block)

    def _shown(self) -> list[Tile]:
        """What of the window comes at once."""
        return self._slice.of(self._view)[0]

    def _mark(self, tile: Tile) -> None:
        self._done.add(_key(tile))
        self._known.add(_key(tile))

    def _hand_out(self, block: BlockPredicted) -> None:
        done = sum(_key(tile) in self._done for tile in self._blocks)
        self._ready.append(
            replace(block, model=self._model, done=done, total=len(self._blocks))
        )


def _pieces(
    predictor: BlockPredictor, core: Region
) -> Generator[BlockPredicted | None, None, None]:
    yield (yield from predictor.predict(core))


def _key(tile: Tile) -> _Key:
    return tuple((part.start, part.stop) for part in tile.core)


def _blocks(shape: Sequence[int], dims: int) -> list[Tile]:
    return split_into_tiles(shape, BLOCK_EDGE[dims], 0)


def _joined(parts: Sequence[BlockPredicted]) -> list[BlockPredicted]:
    """Blocks as one, where they fill a box."""
    if len(parts) < 2:
        return list(parts)
    cores = [part.tile.core for part in parts]
    box = tuple(
        slice(min(c.start for c in axis), max(c.stop for c in axis))
        for axis in zip(*cores, strict=True)
    )
    if sum(map(region_size, cores)) < region_size(box):
        return list(parts)
    whole = Tile(box, box)
    tiles = [part.tile for part in parts]
    joined = replace(
        parts[0],
        tile=whole,
        mean=assemble(whole, tiles, [part.mean for part in parts]),
        std=assemble(whole, tiles, [part.std for part in parts]),
        mutual_information=assemble(
            whole, tiles, [part.mutual_information for part in parts]
        ),
        halved=any(part.halved for part in parts),
    )
    return [joined]
