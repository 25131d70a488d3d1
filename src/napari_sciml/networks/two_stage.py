"""Trees that answer twice: the second time knowing what the first said around.

The first stage sees the channels of `FilterBank`. The second one sees them again, and
the first one's probabilities around the voxel and along the fiber ("auto-context": Tu,
CVPR 2008). Where it was trained, these came from trees that had not seen the voxel
(out of bag).
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.networks.filter_bank import ALONG, APART, FilterBank
from napari_sciml.networks.forest import DAMAGED, Forest
from napari_sciml.networks.scale_space import relative_steps

GROUPS = 4
"""Parts of each stage that count as members of an ensemble."""
SHELLS = (1, 2, 4)
"""Distances at which the first answer is looked up, along each axis."""
SETTLED = 0.9
"""Where the first group is so sure of the first class, the others and the second stage
are not asked: most of a volume is plain background, and they would cost most of the
time. Of other classes every digit counts, as the best cut can be at 0.95."""
SLAB = 2**19
"""Voxels whose channels are in memory at a time."""


class TwoStageForest(nn.Module):
    """Two stages of trees, each in groups.

    Parameters
    ----------
    first, second
        The stages; both have a multiple of `GROUPS` trees.
    dims, spacing, inputs
        As in `FilterBank`.

    Raises
    ------
    InputError
        When the stages do not fit each other.
    """

    def __init__(
        self,
        first: Forest,
        second: Forest,
        *,
        dims: int,
        spacing: Sequence[float] | None = None,
        inputs: int = 1,
    ) -> None:
        super().__init__()
        self.bank = FilterBank(dims, spacing=spacing, inputs=inputs)
        self.context = Context(self.bank, first.classes, spacing)
        self.first, self.second = first, second
        self.dims, self.classes, self.inputs = dims, first.classes, inputs
        self.spacing = None if spacing is None else tuple(map(float, spacing))
        wanted = self.bank.channels, self.bank.channels + self.context.channels
        trees = [len(forest.nodes) for forest in (first, second)]
        if (
            (first.features, second.features) != wanted
            or second.classes != first.classes
            or any(count % GROUPS for count in trees)
        ):
            raise InputError(DAMAGED)

    @property
    def members(self) -> int:
        """Groups of both stages."""
        return 2 * GROUPS

    @property
    def halo(self) -> tuple[int, ...]:
        """Voxels an axis around a block that its prediction depends on."""
        pairs = zip(self.bank.reach, self.context.reach, strict=True)
        return tuple(a + b for a, b in pairs)

    def probabilities(
        self,
        gray: Tensor,
        tile: Tile,
        shape: Sequence[int],
        kept: "KeptRows | None" = None,
    ) -> "Iterator[np.ndarray | None]":
        """Predict a block, slab by slab.

        Parameters
        ----------
        gray
            ``(…)`` or ``(…, channel)`` float32, of ``tile.read``, which holds `halo`
            round ``tile.core`` but for what lies outside of the image.
        tile
            The block.
        shape
            Of the image.
        kept
            Channels of earlier calls for the same image.

        Yields
        ------
        ndarray or None
            None after each slab; at the end the probabilities ``(member, class, …)``
            float32 of ``tile.core``: groups of the first stage, then of the second.
        """
        image = gray[None] if gray.ndim == self.dims else gray.movedim(-1, 0)
        work = _Block(self, image, tile, shape, kept)
        for _ in work.first():
            yield None
        yield work.second()

    def check(self) -> None:
        """Make sure that the arrays are trees; see `Forest.check`."""
        self.first.check()
        self.second.check()

    def description(self) -> dict[str, Any]:
        """What `from_description` needs, JSON-able."""
        return {
            "dims": self.dims,
            "spacing": None if self.spacing is None else list(self.spacing),
            "inputs": self.inputs,
            "first": self.first.description(),
            "second": self.second.description(),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "TwoStageForest":
        """Make room for trees whose arrays come separately."""
        return cls(
            Forest.from_description(description["first"]),
            Forest.from_description(description["second"]),
            dims=int(description["dims"]),
            spacing=description["spacing"],
            inputs=int(description["inputs"]),
        )


class Context:
    """What the second stage sees of the first one's answer.

    For each class but the first, or for all of three and more: the probability; its
    mean, least and greatest value in the voxels at each distance of `SHELLS` along the
    axes; and the lesser and the greater one ahead and behind along the fiber.
    """

    def __init__(
        self, bank: FilterBank, classes: int, spacing: Sequence[float] | None
    ) -> None:
        self._bank = bank
        steps = relative_steps(spacing or (1.0,) * bank.dims)
        self._shells = [
            [
                (axis, round(distance / step))
                for axis, step in enumerate(steps)
                if step <= APART
            ]
            for distance in SHELLS
        ]
        self.told = range(1, classes) if classes <= 2 else range(classes)
        self._around = 1 + 3 * len(SHELLS)

    @property
    def channels(self) -> int:
        """Channels in total."""
        return len(self.told) * (self._around + 2 * len(ALONG))

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels on each side, axis by axis."""
        far = [0] * self._bank.dims
        for shell in self._shells:
            for axis, distance in shell:
                far[axis] = max(far[axis], distance)
        return tuple(map(max, zip(far, self._bank.along_reach, strict=True)))

    def offsets(self, axis: np.ndarray) -> np.ndarray:
        """Places ``(n, point, dims)`` that a voxel's context is looked up at.

        Parameters
        ----------
        axis
            ``(dims, n)``, as from `FilterBank.forward`.
        """
        fixed = [np.zeros(self._bank.dims, np.intp)]
        for shell in self._shells:
            for direction, distance in shell:
                for sign in (1, -1):
                    fixed.append(np.zeros(self._bank.dims, np.intp))
                    fixed[-1][direction] = sign * distance
        along = self._bank.along_offsets(torch.from_numpy(axis)).numpy()
        count = axis.shape[1]
        still = np.broadcast_to(np.stack(fixed), (count, len(fixed), len(fixed[0])))
        return np.concatenate([still, along.transpose(2, 0, 1)], axis=1)

    def of_points(self, points: np.ndarray) -> np.ndarray:
        """Context ``(n, channels)`` from answers ``(n, point, class)`` at `offsets`."""
        columns = []
        for index in self.told:
            own = points[:, :, index]
            columns.append(own[:, :1])
            start = 1
            for shell in self._shells:
                stop = start + 2 * len(shell)
                part = own[:, start:stop]
                columns += [part.mean(1), part.min(1), part.max(1)]
                start = stop
            for ahead in range(start, own.shape[1], 2):
                pair = own[:, ahead : ahead + 2]
                columns += [pair.min(1), pair.max(1)]
        return np.column_stack(columns).astype(np.float32)


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


class _Block:
    """One block on its way through both stages."""

    def __init__(
        self,
        trees: TwoStageForest,
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
