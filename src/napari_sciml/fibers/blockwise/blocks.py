"""A volume on disk as blocks, in order."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.tiles import grid
from napari_sciml.progress import Steps

Region = tuple[slice, slice, slice]
Indices = NDArray[np.int64]

_EDGE = {2: 2048, 3: 160}
"""Of blocks of an image and of a volume in memory, by number of axes."""


class BlockVolume:
    """A volume, or an image as a volume of one plane, read and written by blocks.

    Parameters
    ----------
    source
        ``(z, y, x)`` or ``(y, x)``.
    edge
        Longest edge of a block, voxels.
    name
        Of the source, for messages.

    Raises
    ------
    InputError
        If it is neither an image nor a volume.
    """

    def __init__(self, source: Any, edge: int, name: str = "The volume") -> None:
        shape = tuple(int(n) for n in source.shape)
        if len(shape) not in (2, 3):
            raise InputError(
                f"{name} has {len(shape)} axes; give one image (y, x) or one volume "
                "(z, y, x)."
            )
        self.source, self.name = source, name
        self.flat = len(shape) == 2
        z, y, x = (1, *shape) if self.flat else shape
        self.shape: tuple[int, int, int] = (z, y, x)
        self.edge = max(1, int(edge))

    @classmethod
    def in_memory(cls, source: Any, name: str = "The volume") -> "BlockVolume":
        """What is in memory, in blocks of a size that is fast to compute with."""
        # Of another number of axes it is refused, whatever the edge.
        return cls(source, _EDGE.get(source.ndim, 1), name)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    def regions(self) -> list[Region]:
        """Blocks in C order; the last ones are smaller where the edge does not fit."""
        return [(z, y, x) for z, y, x in grid(self.shape, self.edge)]

    def walk(self) -> Iterator[tuple[float, Region]]:
        """Give the blocks in C order, each with the share of them that came before."""
        regions = self.regions()
        for number, region in enumerate(regions):
            yield number / len(regions), region

    def read(self, region: Sequence[slice]) -> NDArray[Any]:
        """Give a part as ``(z, y, x)``.

        Raises
        ------
        InputError
            When it cannot be read: tells where.
        """
        key = tuple(region)[1:] if self.flat else tuple(region)
        try:
            values = np.asarray(self.source[key])
        except InputError:
            raise
        except Exception as error:  # a codec raises whatever broken bytes lead it to
            where = ", ".join(f"{s.start} to {s.stop - 1}" for s in key)
            raise InputError(
                f"{self.name} cannot be read at the voxels ({where}) and may be "
                f"damaged there ({first_line(error)}); write it again."
            ) from error
        return values[None] if self.flat else values

    def write(self, region: Sequence[slice], values: NDArray[Any]) -> None:
        """Write a part, given as ``(z, y, x)``."""
        if self.flat:
            self.source[tuple(region)[1:]] = values[0]
        else:
            self.source[tuple(region)] = values

    def look_up(self, index: Indices) -> NDArray[Any]:
        """Values of single voxels ``(n, 3)``, block by block."""
        found = np.zeros(len(index), self.source.dtype)
        for some, region in self._near(index):
            low = np.array([s.start for s in region])
            values = self.read(region)
            found[some] = values[tuple((index[some] - low).T)]
        return found

    def _near(self, index: Indices) -> Iterator[tuple[Indices, Region]]:
        """Voxels of one block at a time, and the smallest region that holds them."""
        counts = [-(-n // self.edge) for n in self.shape]
        block = np.ravel_multi_index(tuple((index // self.edge).T), counts)
        order = np.argsort(block, kind="stable")
        cuts = np.flatnonzero(np.diff(block[order])) + 1
        for some in np.split(order, cuts):
            if some.size:
                low, high = index[some].min(axis=0), index[some].max(axis=0) + 1
                z, y, x = (
                    slice(int(a), int(b)) for a, b in zip(low, high, strict=True)
                )
                yield some, (z, y, x)


def first_voxels(
    labels: NDArray[Any], count: int, region: Region, shape: tuple[int, int, int]
) -> tuple[Indices, Indices]:
    """Voxels of the labels 1 to n of a block, and the first one of each.

    Returns
    -------
    sizes, first
        ``(n + 1,)``; the first voxel as its flat index in the whole volume, the size
        of the volume for a label that does not occur.
    """
    flat = labels.reshape(-1)
    inside = np.flatnonzero(flat)
    names = flat[inside].astype(np.int64)
    sizes = np.bincount(names, minlength=count + 1)
    local = np.full(count + 1, -1, np.int64)
    # The last one written stays, so backwards the first.
    local[names[::-1]] = inside[::-1]
    first = np.full(count + 1, int(np.prod(shape, dtype=np.int64)), np.int64)
    found = local >= 0
    place = np.unravel_index(local[found], labels.shape)
    moved = [p + s.start for p, s in zip(place, region, strict=True)]
    first[found] = np.ravel_multi_index(tuple(moved), shape)
    return sizes, first


def count_voxels(labels: BlockVolume) -> Steps[Indices]:
    """Count the voxels of each label, 0 to the highest; 0 counts none."""
    sizes = np.zeros(1, np.int64)
    for done, region in labels.walk():
        yield done
        found = np.bincount(labels.read(region).reshape(-1), minlength=len(sizes))
        found[: len(sizes)] += sizes
        sizes = found
    sizes[0] = 0
    return sizes
