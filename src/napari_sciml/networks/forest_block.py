"""One block of an image on its way through both stages of trees."""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.networks.forest import Forest

if TYPE_CHECKING:
    from napari_sciml.networks.two_stage import TwoStageForest

GROUPS = 4
"""Parts of each stage that count as members of an ensemble."""
SETTLED = 0.9
"""Where the first group is so sure of the first class, the others and the second stage
are not asked: most of a volume is plain background, and they would cost most of the
time. Of other classes every digit counts, as the best cut can be at 0.95."""
SLAB = 2**19
"""Voxels whose channels are in memory at a time."""


class KeptRows:
    """Channels of parts of an image that are looked at again and again.

    Other trees are soon asked about the same place; its channels stay the same.

    Parameters
    ----------
    most
        Bytes that are kept; the parts that were not asked for longest go first.
    """

    def __init__(self, most: int = 400_000_000) -> None:
        self._most, self._bytes = most, 0
        self._parts: OrderedDict[_Key, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def get(self, region: Region) -> tuple[np.ndarray, np.ndarray] | None:
        """Rows and axes of a region, where they are known."""
        key = _key(region)
        if key in self._parts:
            self._parts.move_to_end(key)
        return self._parts.get(key)

    def put(self, region: Region, rows: np.ndarray, axis: np.ndarray) -> None:
        """Keep them, if there is room."""
        size = rows.nbytes + axis.nbytes
        if size > self._most:
            return
        self._parts[_key(region)] = rows, axis
        self._bytes += size
        while self._bytes > self._most:
            _, gone = self._parts.popitem(last=False)
            self._bytes -= sum(part.nbytes for part in gone)


_Key = tuple[tuple[int, int], ...]


def _key(region: Region) -> _Key:
    return tuple((part.start, part.stop) for part in region)


@dataclass
class _Open:
    """Voxels of the block that are still to be decided."""

    index: np.ndarray
    rows: np.ndarray
    groups: np.ndarray
    axis: np.ndarray


class ForestBlock:
    """One block on its way through both stages."""

    def __init__(
        self,
        trees: "TwoStageForest",
        image: Tensor,
        tile: Tile,
        shape: Sequence[int],
        kept: KeptRows | None,
    ) -> None:
        self._trees, self._image, self._shape = trees, image, tuple(shape)
        self._tile, self._kept = tile, kept
        # What the second stage looks up around the block.
        self._wide = with_halo(tile.core, trees.context.reach, shape)
        sizes = [part.stop - part.start for part in self._wide.read]
        self._answer = np.empty((*sizes, trees.classes), np.float32)
        self._open: list[_Open] = []

    def first(self) -> Iterator[None]:
        """The first stage, in the block and around it."""
        sizes = self._answer.shape[:-1]
        step = max(1, SLAB // math.prod(sizes[1:]))
        for start in range(0, sizes[0], step):
            self._slab(start, min(start + step, sizes[0]))
            yield

    def _slab(self, start: int, stop: int) -> None:
        origin = self._wide.read[0].start
        part = slice(origin + start, origin + stop)
        rows, axis = self._channels((part, *self._wide.read[1:]))
        groups, left = self._ask(rows)
        self._answer[start:stop] = groups.mean(0).reshape(
            (stop - start, *self._answer.shape[1:])
        )
        shape = self._answer.shape[:-1]
        index = left + start * math.prod(shape[1:])
        places = np.stack(np.unravel_index(index, shape))
        inside = np.ones(len(index), bool)
        for place, cut in zip(places, self._wide.inner, strict=True):
            inside &= (place >= cut.start) & (place < cut.stop)
        kept = left[inside]
        self._open.append(
            _Open(index[inside], rows[kept], groups[:, kept], axis[:, kept])
        )

    def _channels(self, core: Region) -> tuple[np.ndarray, np.ndarray]:
        """Rows ``(n, channels)`` and axes ``(dims, n)`` of a slab."""
        found = None if self._kept is None else self._kept.get(core)
        if found is not None:
            return found
        bank = self._trees.bank
        seen = with_halo(core, bank.reach, self._shape)
        inner = Tile(seen.read, self._tile.read).inner
        with torch.inference_mode():
            channels, axes = bank(self._image[:, *inner], seen.surround)
        rows = channels.flatten(1).T.cpu().contiguous().numpy()
        axis = axes.flatten(1).cpu().numpy()
        if self._kept is not None:
            self._kept.put(core, rows, axis)
        return rows, axis

    def _ask(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Answers ``(group, n, class)``, and the rows that are not settled."""
        ranges = _group_ranges(self._trees.first)
        first = self._trees.first.probabilities(rows, ranges[0])
        left = np.flatnonzero(first[:, 0] < SETTLED)
        groups = np.repeat(first[None], GROUPS, axis=0)
        doubtful = np.ascontiguousarray(rows[left])
        for number in range(1, GROUPS):
            groups[number, left] = self._trees.first.probabilities(
                doubtful, ranges[number]
            )
        return groups, left

    def second(self) -> np.ndarray:
        """The answers of both stages in the block."""
        shape, classes = self._answer.shape[:-1], self._trees.classes
        inner = self._wide.inner
        core = [cut.stop - cut.start for cut in inner]
        found = np.empty((2 * GROUPS, classes, *core), np.float32)
        found[:] = np.moveaxis(self._answer[inner], -1, 0)
        for part in self._open:
            if not len(part.index):
                continue
            places = np.stack(np.unravel_index(part.index, shape))
            around = self._around(places, part.axis)
            rows = np.concatenate([part.rows, around], axis=1)
            starts = np.array([cut.start for cut in inner])
            into = tuple(places - starts[:, None])
            for number, trees in enumerate(_group_ranges(self._trees.second)):
                answer = self._trees.second.probabilities(rows, trees)
                found[number][:, *into] = part.groups[number].T
                found[GROUPS + number][:, *into] = answer.T
        return found

    def _around(self, places: np.ndarray, axis: np.ndarray) -> np.ndarray:
        """Context of voxels ``(dims, n)``; the image is continued at its borders."""
        at = places.T[:, None, :] + self._trees.context.offsets(axis)
        limits = np.array(self._answer.shape[:-1]) - 1
        at = np.clip(at, 0, limits)
        return self._trees.context.of_points(self._answer[tuple(np.moveaxis(at, 2, 0))])


def _group_ranges(forest: Forest) -> list[range]:
    """Numbers of the trees of each group."""
    size = len(forest.nodes) // GROUPS
    return [range(i * size, (i + 1) * size) for i in range(GROUPS)]
