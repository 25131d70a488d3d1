"""Voxels of a volume, sorted by fiber with the help of files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.blockwise.blocks import Indices, Region
from napari_sciml.fibers.geometry.voxels import SortedVoxels

BATCH_VOXELS = 1 << 22
"""Voxels of fibers that are in memory at a time, about."""


@dataclass
class _Batch:
    """Some fibers, or a part of the voxels of one that is too large.

    Attributes
    ----------
    first, last
        Their labels, the last one excluded.
    every
        Only one of so many voxels is kept.
    regions, names, counts
        For each block with voxels of these fibers.
    """

    first: int
    last: int
    every: int
    regions: list[Region] = field(default_factory=list)
    names: list[Indices] = field(default_factory=list)
    counts: list[Indices] = field(default_factory=list)


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


class FiberSpill:
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
        self._folder, self._shape = folder, shape
        self._batches = list(_batches(sizes, batch))
        self._stops = np.array([b.last for b in self._batches])

    def add(
        self,
        region: Region,
        labels: NDArray[Any],
        values: NDArray[Any] | None = None,
    ) -> None:
        """Take a block in."""
        flat = labels.reshape(-1)
        inside = np.flatnonzero(flat)
        order = inside[np.argsort(flat[inside], kind="stable")]
        names, start = np.unique(flat[order], return_index=True)
        cuts = np.append(start, len(order))
        known = None if values is None else values.reshape(-1)
        for number in np.unique(np.searchsorted(self._stops, names, side="right")):
            batch = self._batches[number]
            a, b = np.searchsorted(names, [batch.first, batch.last])
            places = order[cuts[a] : cuts[b]]
            counts = np.diff(cuts[a : b + 1])
            if batch.every > 1:
                places = places[_some(places, batch.every)]
                counts = np.array([len(places)])
            batch.regions.append(region)
            batch.names.append(names[a:b].astype(np.int64))
            batch.counts.append(counts)
            self._append(number, "places", places.astype(np.uint32))
            if known is not None:
                self._append(number, "values", known[places].astype(np.float32))

    def batches(self) -> Iterator[FiberVoxels]:
        """Give the fibers in the order of their labels; what was read is deleted."""
        for number, batch in enumerate(self._batches):
            if batch.regions:
                yield self._sorted(number, batch)
            for kind in ("places", "values"):
                self._file(number, kind).unlink(missing_ok=True)

    def _sorted(self, number: int, batch: _Batch) -> FiberVoxels:
        places = np.fromfile(self._file(number, "places"), np.uint32)
        position = np.empty(len(places), np.int64)
        start = 0
        for region, counts in zip(batch.regions, batch.counts, strict=True):
            stop = start + int(counts.sum())
            position[start:stop] = self._global(places[start:stop], region)
            start = stop
        names = np.concatenate(batch.names)
        labels = np.repeat(names, np.concatenate(batch.counts))
        order = np.lexsort((position, labels))
        found, first = np.unique(labels[order], return_index=True)
        voxels = SortedVoxels(
            found, position[order], np.append(first, len(labels)).astype(np.int64)
        )
        file = self._file(number, "values")
        values = np.fromfile(file, np.float32)[order] if file.exists() else None
        return FiberVoxels(voxels, values, batch.every)

    def _global(self, places: NDArray[np.uint32], region: Region) -> Indices:
        shape = tuple(s.stop - s.start for s in region)
        index = np.unravel_index(places.astype(np.int64), shape)
        moved = [i + s.start for i, s in zip(index, region, strict=True)]
        return np.ravel_multi_index(tuple(moved), self._shape)

    def _append(self, number: int, kind: str, values: NDArray[Any]) -> None:
        with self._file(number, kind).open("ab") as file:
            file.write(values.tobytes())

    def _file(self, number: int, kind: str) -> Path:
        return self._folder / f"{kind}-{number}.bin"


def _some(places: Indices, every: int) -> NDArray[np.bool_]:
    """Choose one of so many voxels, without a pattern in space but the same again."""
    mixed = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(32)) % np.uint64(every) == 0)


def _batches(sizes: Indices, most: int) -> Iterator[_Batch]:
    """Ranges of labels of about so many voxels."""
    before = np.concatenate(([0], np.cumsum(sizes[1:])))
    label, last = 1, len(sizes)
    while label < last:
        goal = before[label - 1] + most
        stop = int(np.searchsorted(before, goal, side="right"))
        stop = min(max(stop, label + 1), last)
        every = 1
        if stop == label + 1:
            every = max(1, -(-int(sizes[label]) // most))
        yield _Batch(label, stop, every)
        label = stop
