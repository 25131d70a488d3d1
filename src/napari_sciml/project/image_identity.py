"""Which image a project belongs to: what it is called, how it lies, a hash of it."""

import hashlib
import math
from collections.abc import Generator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from napari_sciml.io.provenance import jsonable

FULL_HASH_BYTES = 2**30
"""Arrays in memory up to this size are hashed whole."""

PIECE_BYTES = 2**23
BLOCK_EDGE = 32
BLOCKS = 16


def _countable(shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape, default=0) < 1 or math.prod(shape) >= 2**62:
        raise ValueError("no image has this shape")
    return shape


Shape = Annotated[tuple[int, ...], AfterValidator(_countable)]
"""Of an image; its voxels can be counted."""


class ImageIdentity(BaseModel):
    """What tells an image from others, and how it lies in the world."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Of the layer.")
    source: str | None = Field(None, description="Path of the file that it is from.")
    shape: Shape
    dtype: str
    rgb: bool = False
    blocks_sha256: str = Field(
        description="Of sampled blocks; says which image it is without reading it all."
    )
    sha256: str | None = Field(
        None, description="Of what `sha256_of` says; none = not computed yet."
    )
    sha256_of: Literal["all", "sampled blocks"] = "sampled blocks"
    place: dict[str, Any] = Field(
        default_factory=dict,
        description="Scale, translation and all that puts the layer into the world, "
        "units and axis labels too.",
    )
    voxel_size: tuple[float, ...] | None = Field(
        None, description="Edges in the world; none where the axes are sheared."
    )
    unit: str = "pixel"

    def is_same(self, other: "ImageIdentity") -> bool:
        """Whether both have the same voxels, as far as is known."""
        first = (self.shape, self.dtype, self.blocks_sha256)
        if first != (other.shape, other.dtype, other.blocks_sha256):
            return False
        whole = {i.sha256 for i in (self, other) if i.sha256_of == "all"} - {None}
        return len(whole) < 2


def identify(
    data: Any,
    *,
    name: str,
    source: str | Path | None = None,
    rgb: bool = False,
    place: Mapping[str, Any] | None = None,
    voxel_size: Sequence[float] | None = None,
    unit: str = "pixel",
) -> ImageIdentity:
    """Describe an image; reads a few blocks of it.

    Parameters
    ----------
    data
        Array-like with ``shape`` and ``dtype``; slicing gives something that numpy
        can read.
    name, source, rgb, place, voxel_size, unit
        As in `ImageIdentity`; ``place`` is made JSON-able.
    """
    blocks = hash_blocks(data)
    return ImageIdentity(
        name=name,
        source=None if source is None else str(source),
        shape=tuple(int(n) for n in data.shape),
        dtype=np.dtype(data.dtype).name,
        rgb=rgb,
        blocks_sha256=blocks,
        # The whole of what is in memory is hashed later, when there is time.
        sha256=None if is_hashed_whole(data) else blocks,
        place=jsonable(dict(place or {})),
        voxel_size=None if voxel_size is None else tuple(voxel_size),
        unit=unit,
    )


def is_hashed_whole(data: Any) -> bool:
    """Whether the hash of an array is that of all its values."""
    return isinstance(data, np.ndarray) and data.nbytes <= FULL_HASH_BYTES


def hash_blocks(data: Any) -> str:
    """Hash shape, dtype and a few blocks, the first and the last among them."""
    shape = tuple(int(n) for n in data.shape)
    known = hashlib.sha256(f"{shape} {np.dtype(data.dtype).name}".encode())
    for block in _sampled_blocks(shape):
        known.update(_bytes(data[block]))
    return known.hexdigest()


def hash_all(data: Any) -> Generator[None, None, str]:
    """Hash all values in C order, little-endian; gives way every few milliseconds."""
    known = hashlib.sha256()
    for piece in pieces(data):
        known.update(_bytes(data[piece]))
        yield
    return known.hexdigest()


def pieces(data: Any) -> Generator[tuple[int | slice, ...], None, None]:
    """Where to cut an array into pieces that follow each other in C order."""
    shape = tuple(int(n) for n in data.shape)
    sizes = [
        np.dtype(data.dtype).itemsize * math.prod(shape[axis + 1 :])
        for axis in range(len(shape))
    ]
    # The first axis along which one step is small enough.
    axis = next((i for i, size in enumerate(sizes) if size <= PIECE_BYTES), 0)
    step = max(1, PIECE_BYTES // max(1, sizes[axis]))
    for before in product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], step):
            yield (*before, slice(start, start + step))


def _sampled_blocks(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    edges = [min(n, BLOCK_EDGE) for n in shape]
    free = [n - edge for n, edge in zip(shape, edges, strict=True)]
    spread = [
        [_spread(number, axis, n) for axis, n in enumerate(free)]
        for number in range(1, BLOCKS - 1)
    ]
    return [
        tuple(slice(a, a + n) for a, n in zip(start, edges, strict=True))
        for start in ([0] * len(shape), free, *spread)
    ]


def _spread(number: int, axis: int, highest: int) -> int:
    """Numbers from 0 to the highest, the same on every machine and for ever."""
    # Multiples of the golden ratio of 2**32 spread evenly (Knuth).
    share = number * 2654435761 * (2 * axis + 1) % 2**32
    return share * (highest + 1) >> 32


def _bytes(values: Any) -> memoryview:
    array = np.asarray(values)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8).data
