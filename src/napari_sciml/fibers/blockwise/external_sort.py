"""Voxels of a volume, sorted by fiber with the help of files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.executor import not_seen
from napari_sciml.fibers.blockwise.blocks import Indices, Region
from napari_sciml.fibers.geometry.voxels import SortedVoxels

BATCH_VOXELS = 1 << 22
"""Voxels of fibers that are in memory at a time, about."""


@dataclass(frozen=True)
class FiberVoxels:
    """The voxels of some fibers.

    Attributes
    ----------
    voxels
        As of the whole volume.
    values
        One value a voxel, in their order; None where none were given.
    every
        How many voxels each stands for.
    """

    voxels: SortedVoxels
    values: NDArray[np.float32] | None
    every: int


@dataclass(frozen=True)
class BlockVoxels:
    """The voxels of fibers in one block, those of a fiber side by side.

    Attributes
    ----------
    names
        ``(n,)`` labels of the fibers, ascending.
    start
        ``(n + 1,)`` first voxel of each, and the number of voxels.
    places
        Flat index of each voxel in the block.
    values
        One value a voxel; None where none were given.
    """

    names: Indices
    start: Indices
    places: NDArray[np.uint32]
    values: NDArray[np.float32] | None

    @classmethod
    def sorted(cls, labels: NDArray[Any], values: NDArray[Any] | None) -> "BlockVoxels":
        """Sort the voxels of a block of labels, with values of the same shape."""
        flat = labels.reshape(-1)
        inside = np.flatnonzero(flat)
        order = inside[np.argsort(flat[inside], kind="stable")]
        names, start = np.unique(flat[order], return_index=True)
        known = None
        if values is not None:
            known = values.reshape(-1)[order].astype(np.float32)
        ends = np.append(start, len(order))
        return cls(names.astype(np.int64), ends, order.astype(np.uint32), known)


@dataclass
class FiberBatch:
    """Some fibers, or a part of the voxels of one that is too large; in files.

    Attributes
    ----------
    first, last
        Their labels, the last one excluded.
    every
        Only one of so many voxels is kept.
    file
        Where the voxels are, without the ending.
    shape
        Of the volume.
    regions, names, counts
        For each block with voxels of these fibers.
    """

    first: int
    last: int
    every: int
    file: Path
    shape: tuple[int, int, int]
    regions: list[Region] = field(default_factory=list)
    names: list[Indices] = field(default_factory=list)
    counts: list[Indices] = field(default_factory=list)

    def add(self, region: Region, block: BlockVoxels) -> None:
        """Take those voxels of a block that are of these fibers."""
        a, b = np.searchsorted(block.names, [self.first, self.last])
        some = slice(block.start[a], block.start[b])
        places, counts = block.places[some], np.diff(block.start[a : b + 1])
        values = None if block.values is None else block.values[some]
        if self.every > 1:
            chosen = _some(places, self.every)
            places, values = (
                places[chosen],
                values if values is None else values[chosen],
            )
            counts = np.array([len(places)])
        self.regions.append(region)
        self.names.append(block.names[a:b])
        self.counts.append(counts)
        self._append("places", places)
        if values is not None:
            self._append("values", values)

    def read(self, *, values: bool) -> FiberVoxels:
        """Give the voxels, with values where such were added.

        Raises
        ------
        InputError
            When this process does not see the files.
        """
        places = self._content("places", np.uint32)
        position = np.empty(len(places), np.int64)
        start = 0
        for region, counts in zip(self.regions, self.counts, strict=True):
            stop = start + int(counts.sum())
            position[start:stop] = self._global(places[start:stop], region)
            start = stop
        names = np.concatenate(self.names)
        labels = np.repeat(names, np.concatenate(self.counts))
        order = np.lexsort((position, labels))
        found, first = np.unique(labels[order], return_index=True)
        voxels = SortedVoxels(
            found, position[order], np.append(first, len(labels)).astype(np.int64)
        )
        known = self._content("values", np.float32)[order] if values else None
        return FiberVoxels(voxels, known, self.every)

    def delete(self) -> None:
        """Delete the files."""
        for kind in ("places", "values"):
            self._file(kind).unlink(missing_ok=True)

    def _global(self, places: NDArray[np.uint32], region: Region) -> Indices:
        shape = tuple(s.stop - s.start for s in region)
        index = np.unravel_index(places.astype(np.int64), shape)
        moved = [i + s.start for i, s in zip(index, region, strict=True)]
        return np.ravel_multi_index(tuple(moved), self.shape)

    def _append(self, kind: str, values: NDArray[Any]) -> None:
        with self._file(kind).open("ab") as file:
            file.write(values.tobytes())

    def _content(self, kind: str, dtype: Any) -> NDArray[Any]:
        file = self._file(kind)
        try:
            return np.fromfile(file, dtype)
        except FileNotFoundError as error:
            raise not_seen(file) from error

    def _file(self, kind: str) -> Path:
        return self.file.with_name(f"{kind}-{self.file.name}.bin")


class ExternalVoxelSort:
    """Takes blocks of labels in, and gives the voxels of fibers out.

    Parameters
    ----------
    folder
        Exists; 4 bytes a voxel of fibers are written, 8 with values.
    sizes
        ``(n + 1,)`` voxels of each label, 0 to n.
    shape
        ``(z, y, x)`` of the volume.
    batch
        How many voxels of fibers to hold in memory. Of a larger fiber only every
        second, third ... voxel is kept, as if drawn by lot.
    """

    def __init__(
        self,
        folder: Path,
        sizes: Indices,
        shape: tuple[int, int, int],
        batch: int = BATCH_VOXELS,
    ) -> None:
        self._batches = [
            FiberBatch(first, last, every, folder.absolute() / str(number), shape)
            for number, (first, last, every) in enumerate(_ranges(sizes, batch))
        ]
        self._stops = np.array([b.last for b in self._batches])

    def add(self, region: Region, block: BlockVoxels) -> None:
        """Take a block in."""
        places = np.searchsorted(self._stops, block.names, side="right")
        for number in np.unique(places):
            self._batches[number].add(region, block)

    def batches(self) -> list[FiberBatch]:
        """Give the fibers in the order of their labels."""
        return [batch for batch in self._batches if batch.regions]


def _some(places: NDArray[np.uint32], every: int) -> NDArray[np.bool_]:
    """Choose one of so many voxels, without a pattern in space but the same again."""
    mixed = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(32)) % np.uint64(every) == 0)


def _ranges(sizes: Indices, most: int) -> Iterator[tuple[int, int, int]]:
    """Ranges of labels of about so many voxels, and of how many voxels one counts."""
    before = np.concatenate(([0], np.cumsum(sizes[1:])))
    label, last = 1, len(sizes)
    while label < last:
        goal = before[label - 1] + most
        stop = int(np.searchsorted(before, goal, side="right"))
        stop = min(max(stop, label + 1), last)
        every = 1
        if stop == label + 1:
            every = max(1, -(-int(sizes[label]) // most))
        yield label, stop, every
        label = stop
