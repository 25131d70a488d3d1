"""One block of an image on its way through both stages of trees."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.tiles import Frame, Region, Tile, with_halo
from napari_sciml.networks.trees.context import Context
from napari_sciml.networks.trees.filter_bank import FilterBank
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.networks.trees.kept_rows import KeptRows, Rows
from napari_sciml.networks.trees.linear import LinearModel, mixed

GROUPS = 4
"""Parts of each stage that count as members of an ensemble."""
SETTLED = 0.9
"""Where the first group is so sure of the first class, the others and the second stage
are not asked: most of a volume is plain background, and they would cost most of the
time. Of other classes every digit counts, as the best cut can be at 0.95."""
SLAB = 2**19
"""Voxels whose channels are in memory at a time."""


@dataclass
class _Open:
    """Voxels of the block that are still to be decided.

    ``around`` are the places of their context, ``(n, point)``, in the raveled block.
    """

    index: np.ndarray
    rows: np.ndarray
    groups: np.ndarray
    around: np.ndarray


@dataclass
class _Slab:
    """Part of the block, along its first axis, whose channels are in memory."""

    start: int
    stop: int
    rows: np.ndarray
    axis: np.ndarray

    def rows_at(self, index: np.ndarray) -> np.ndarray:
        """Rows of some of the voxels; no copy where it is all of them."""
        return self.rows[index] if len(index) < len(self.rows) else self.rows


class Stages(Protocol):
    """What a block is answered by; see `TwoStageForest`."""

    bank: FilterBank
    context: Context
    first: Forest
    second: Forest
    linear: LinearModel | None

    @property
    def classes(self) -> int:
        """Number of classes."""


class ForestBlock:
    """One block on its way through both stages.

    Round the block, the first stage is asked only where the second one will look.
    """

    def __init__(
        self,
        trees: Stages,
        image: Tensor,
        tile: Tile,
        frame: Frame,
        kept: KeptRows | None,
    ) -> None:
        self._trees, self._image, self._frame = trees, image, frame
        self._tile, self._kept = tile, kept
        # What the second stage looks up around the block.
        self._wide = with_halo(tile.core, trees.context.reach, frame)
        sizes = [part.stop - part.start for part in self._wide.read]
        self._answer = np.empty((*sizes, trees.classes), np.float32)
        self._inside, self._wanted = np.zeros(sizes, bool), np.zeros(sizes, bool)
        self._inside[self._wide.inner] = True
        self._open: list[_Open] = []
        self._told: list[np.ndarray] = []

    def first(self) -> Iterator[None]:
        """The first stage, in the block and where its context lies."""
        sizes = self._answer.shape[:-1]
        step = max(1, SLAB // math.prod(sizes[1:]))
        reach = self._trees.context.reach[0]
        waiting: deque[_Slab] = deque()
        for start in range(0, sizes[0], step):
            slab = self._slab(start, min(start + step, sizes[0]))
            self._answer_inside(slab)
            waiting.append(slab)
            # Slabs to come may want to know what lies in their reach.
            known = sizes[0] if slab.stop == sizes[0] else slab.stop - reach
            while waiting and waiting[0].stop <= known:
                self._answer_around(waiting.popleft())
            yield

    def _slab(self, start: int, stop: int) -> _Slab:
        origin = self._wide.read[0].start
        part = slice(origin + start, origin + stop)
        return _Slab(start, stop, *self._channels((part, *self._wide.read[1:])))

    def _answer_inside(self, slab: _Slab) -> None:
        """Ask about the block itself, and want to know what lies round open voxels."""
        asked = np.flatnonzero(self._inside[slab.start : slab.stop])
        own = slab.rows_at(asked)
        groups, left = self._ask(slab, asked, own)
        if self._trees.linear is not None:
            self._told.append(self._trees.linear.log_probabilities(own))
        rows, axis = own[left], slab.axis[:, asked[left]]
        index = asked[left] + self._before(slab)
        around = self._places_around(index, axis)
        self._wanted.reshape(-1)[around] = True
        self._open.append(_Open(index, rows, groups[:, left], around))

    def _answer_around(self, slab: _Slab) -> None:
        """Ask about what is wanted and not known yet."""
        mine = slice(slab.start, slab.stop)
        asked = np.flatnonzero(self._wanted[mine] & ~self._inside[mine])
        self._ask(slab, asked, slab.rows_at(asked))

    def _before(self, slab: _Slab) -> int:
        """Voxels before a slab."""
        return slab.start * math.prod(self._wanted.shape[1:])

    def _channels(self, core: Region) -> Rows:
        """Rows and axes of a part of the image."""
        if self._kept is None:
            return self._look_at(core)
        return self._kept.of(core, self._look_at)

    def _look_at(self, core: Region) -> Rows:
        bank = self._trees.bank
        seen = with_halo(core, bank.reach, self._frame)
        inner = Tile(seen.read, self._tile.read).inner
        with torch.inference_mode():
            channels, axes = bank(self._image[:, *inner], seen.surround)
        rows = channels.flatten(1).T.cpu().contiguous().numpy()
        return rows, axes.flatten(1).cpu().numpy()

    def _ask(
        self, slab: _Slab, index: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answers ``(group, n, class)``, and which of them are not settled."""
        groups, left = ask_first(self._trees.first, rows)
        answer = self._answer.reshape(-1, self._trees.classes)
        answer[index + self._before(slab)] = groups.mean(0)
        return groups, left

    def hasty(self) -> np.ndarray:
        """The answers of the first stage alone, in the block alone."""
        rows, _ = self._channels(self._tile.core)
        groups, _ = ask_first(self._trees.first, rows)
        groups = beside(self._trees.linear, groups, rows)
        core = [part.stop - part.start for part in self._tile.core]
        shape = (GROUPS, *core, self._trees.classes)
        return np.ascontiguousarray(np.moveaxis(groups.reshape(shape), -1, 1))

    def second(self) -> np.ndarray:
        """The answers of both stages in the block."""
        shape, classes = self._answer.shape[:-1], self._trees.classes
        inner = self._wide.inner
        core = [cut.stop - cut.start for cut in inner]
        found = np.empty((2 * GROUPS, classes, *core), np.float32)
        told = np.concatenate(self._told) if self._told else None
        usual = self._mixed(self._answer[inner].reshape(-1, classes), told)
        found[:] = np.moveaxis(usual.reshape(*core, classes), -1, 0)
        starts = np.array([cut.start for cut in inner])
        known = self._answer.reshape(-1, classes)
        for part in self._open:
            if not len(part.index):
                continue
            around = self._trees.context.of_points(known[part.around])
            rows = np.concatenate([part.rows, around], axis=1)
            places = np.stack(np.unravel_index(part.index, shape))
            into = tuple(places - starts[:, None])
            own = None if told is None else told[np.ravel_multi_index(into, core)]
            for number, trees in enumerate(group_ranges(self._trees.second)):
                answer = self._trees.second.probabilities(rows, trees)
                found[number][:, *into] = self._mixed(part.groups[number], own).T
                found[GROUPS + number][:, *into] = self._mixed(answer, own).T
        return found

    def _mixed(self, shares: np.ndarray, told: np.ndarray | None) -> np.ndarray:
        linear = self._trees.linear
        if linear is None or told is None:
            return shares
        return mixed(shares, told, linear.share)

    def _places_around(self, index: np.ndarray, axis: np.ndarray) -> np.ndarray:
        """Context of voxels, raveled; the image is continued at its borders."""
        shape = self._wanted.shape
        places = np.stack(np.unravel_index(index, shape), axis=1)
        at = places[:, None] + self._trees.context.offsets(axis)
        at = np.clip(at, 0, np.array(shape) - 1)
        raveled = np.ravel_multi_index(tuple(np.moveaxis(at, 2, 0)), shape)
        return raveled.astype(np.int32)


def ask_first(first: Forest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask the first stage about voxels.

    Parameters
    ----------
    first
        The stage.
    rows
        ``(n, channel)`` float32, C order.

    Returns
    -------
    groups, left : ndarray
        Answers ``(group, n, class)``, and which of the rows are not settled.
    """
    ranges = group_ranges(first)
    found = first.probabilities(rows, ranges[0])
    left = np.flatnonzero(found[:, 0] < SETTLED)
    groups = np.repeat(found[None], GROUPS, axis=0)
    doubtful = np.ascontiguousarray(rows[left])
    for number in range(1, GROUPS):
        groups[number, left] = first.probabilities(doubtful, ranges[number])
    return groups, left


def beside(
    linear: LinearModel | None, shares: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Answers ``(…, n, class)`` of trees, and those of the linear model if it is there.

    Parameters
    ----------
    linear
        May be missing: earlier models have none.
    shares
        Of the trees.
    rows
        ``(n, channel)`` float32.
    """
    if linear is None:
        return shares
    return mixed(shares, linear.log_probabilities(rows), linear.share)


def group_ranges(forest: Forest) -> list[range]:
    """Numbers of the trees of each group."""
    size = len(forest.nodes) // GROUPS
    return [range(i * size, (i + 1) * size) for i in range(GROUPS)]
