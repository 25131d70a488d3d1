"""Connected components of a mask that is read by blocks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.errors import InputError
from napari_sciml.executor import Executor, here, in_order, shares
from napari_sciml.fibers.blockwise.block_seams import (
    BlockSeams,
    Faces,
    connected_groups,
    faces_of,
)
from napari_sciml.fibers.blockwise.blocks import (
    BlockVolume,
    Indices,
    Region,
    first_voxels,
)
from napari_sciml.images.components import connected_components
from napari_sciml.images.room import check_room
from napari_sciml.progress import Steps

_IN_PLANE = {6: 4, 18: 8, 26: 8}
_MOST = 2**32 - 1
_PLANES = 3
"""Whole planes of labels that are held where blocks meet."""


class BinaryBlocks:
    """Blocks of a mask as true and false.

    Parameters
    ----------
    volume
        The mask: boolean, or numbers with one value besides zero (floats: only 0
        and 1).
    """

    def __init__(self, volume: BlockVolume) -> None:
        self.volume = volume
        self._value: float | None = None
        dtype = np.dtype(volume.source.dtype)
        if dtype.kind not in "buif":
            raise InputError(f"A mask of {dtype} is not one of true and false.")
        if dtype.kind == "f":
            self._value = 1

    def read(self, region: Region) -> NDArray[np.bool_]:
        """Give a block.

        Raises
        ------
        InputError
            When it has another value than the blocks before.
        """
        values = self.volume.read(region)
        if values.dtype == np.bool_:
            return np.ascontiguousarray(values)
        binary = values != 0
        found = values[binary]
        if found.size:
            if self._value is None:
                self._value = max(1, found[0].item())
            if np.any(found != self._value):
                raise _too_many_values()
        return binary

    @property
    def value(self) -> float | None:
        """What is not zero, as far as anything was seen."""
        return self._value

    def agree(self, value: float | None) -> None:
        """Take over what another one has seen.

        Raises
        ------
        InputError
            When it is another value than here.
        """
        if value is not None and value != (self._value or value):
            raise _too_many_values()
        self._value = value or self._value


def _too_many_values() -> InputError:
    return InputError(
        "The mask has more values than two (is it a probability or has it several "
        "classes?); threshold it, or choose a class, first."
    )


@dataclass(frozen=True)
class Components:
    """What the pieces in blocks are pieces of.

    Attributes
    ----------
    tables
        For each block, in order, the number of the component of each piece in it; 0
        for dust and for no piece.
    sizes
        ``(n + 1,)`` voxels of each component; 0 for number 0.
    connectivity
        That pieces in a block were found by.
    """

    tables: list[NDArray[np.uint32]]
    sizes: Indices
    connectivity: int

    @property
    def count(self) -> int:
        """Number of components."""
        return len(self.sizes) - 1

    def number(self, block: int, mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """Number a block of the mask."""
        return numbered(mask, self.connectivity, self.tables[block])


@dataclass(frozen=True)
class _BlockPieces:
    """What is in a block of a mask.

    Attributes
    ----------
    sizes, first
        As of `first_voxels`; so many pieces there are, 0 counted.
    faces
        Numbers of the pieces at the faces of the block.
    value
        Of the mask.
    """

    sizes: Indices
    first: Indices
    faces: Faces
    value: float | None


def find_components(
    mask: BinaryBlocks, connectivity: int, dust: int = 0, *, run: Executor = here
) -> Steps[Components]:
    """Find the components, from faces, edges and corners where blocks meet.

    Parameters
    ----------
    mask
        Read once, block by block.
    connectivity
        6, 18 or 26.
    dust
        Components of fewer voxels than this are dropped.
    run
        Where the pieces in blocks are found; it may be anywhere.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    Components
        Numbered in the order of their first voxel, as in one piece.
    """
    volume = mask.volume
    plane = volume.shape[1:]
    check_room(plane, np.uint32, f"A plane of {volume.name}", copies=_PLANES)
    cuts = BlockSeams(volume.shape, connectivity)
    sizes, first = [np.zeros(1, np.int64)], [np.full(1, -1)]
    counts, offset = [], 0
    regions = [(region,) for region in volume.regions()]
    ended = in_order(run(_pieces_in, (volume, connectivity), regions))
    for done, one in shares(ended, len(regions)):
        yield done
        if one is None:
            continue
        found = one[1]
        mask.agree(found.value)
        count = len(found.sizes) - 1
        if offset + count > _MOST:
            raise InputError("The mask has more than 4 billion pieces; smooth it.")
        sizes.append(found.sizes[1:])
        first.append(found.first[1:])
        (region,) = regions[one[0]]
        cuts.add(region, tuple(_moved(face, offset) for face in found.faces))
        counts.append(count)
        offset += count
    group = connected_groups(offset + 1, cuts.pairs())
    numbers, totals = _numbered(
        group, np.concatenate(sizes), np.concatenate(first), dust
    )
    return Components(_tables(numbers, counts), totals, connectivity)


def _pieces_in(volume: BlockVolume, connectivity: int, region: Region) -> _BlockPieces:
    mask = BinaryBlocks(volume)
    labels = _pieces(mask.read(region), connectivity)
    count = int(labels.max(initial=0))
    sizes, first = first_voxels(labels, count, region, volume.shape)
    return _BlockPieces(sizes, first, faces_of(labels), mask.value)


def _moved(labels: NDArray[Any], offset: int) -> NDArray[np.uint32]:
    moved = labels.astype(np.uint32)
    moved[moved > 0] += np.uint32(offset)
    return moved


def _numbered(
    group: Indices, sizes: Indices, first: Indices, dust: int
) -> tuple[NDArray[np.uint32], Indices]:
    """Number of each piece, by the first voxel of its group; and sizes."""
    count = int(group.max()) + 1
    totals = np.bincount(group, sizes, minlength=count).astype(np.int64)
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, group, first)
    keep = totals >= max(dust, 1)
    order = np.flatnonzero(keep)
    order = order[np.argsort(earliest[order])]
    rank = np.zeros(count, np.uint32)
    rank[order] = np.arange(1, len(order) + 1)
    return rank[group], np.concatenate(([0], totals[order]))


def _tables(numbers: NDArray[np.uint32], counts: list[int]) -> list[NDArray[np.uint32]]:
    tables, start = [], 1
    for count in counts:
        table = np.zeros(count + 1, np.uint32)
        table[1:] = numbers[start : start + count]
        tables.append(table)
        start += count
    return tables


def numbered(
    mask: NDArray[np.bool_], connectivity: int, table: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Number a block of a mask by one of `Components.tables`."""
    return table[_pieces(mask, connectivity)]


def _pieces(mask: NDArray[np.bool_], connectivity: int) -> NDArray[Any]:
    """Number the components in one block."""
    thin = [axis for axis, n in enumerate(mask.shape) if n == 1]
    if not thin:
        return connected_components(mask, connectivity)
    plane = mask.squeeze(thin[0])
    found = connected_components(plane, _IN_PLANE[connectivity])
    return np.expand_dims(found, thin[0])
