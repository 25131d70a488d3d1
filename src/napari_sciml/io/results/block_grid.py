"""How a volume is cut into blocks, chunks and levels."""

import math
from collections.abc import Sequence

from napari_sciml.images.tiles import Region

LONGEST_CHUNK = {2: 256, 3: 64}
COARSEST = 256
"""A pyramid ends where no axis is longer."""


def block_and_chunk(edge: int, dims: int) -> tuple[int, int]:
    """The largest block of at most an edge that is made up of whole chunks."""
    while edge % (parts := math.ceil(edge / LONGEST_CHUNK[dims])):
        edge -= edge % parts
    return edge, edge // parts


def pyramid_steps(shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Halve the long axes until none is longer than `COARSEST`."""
    steps = [(1,) * len(shape)]
    size = list(shape)
    while max(size) > COARSEST:
        # An axis with few slices keeps them.
        halved = [2 * n > max(size) for n in size]
        steps.append(
            tuple(s * 2 if h else s for s, h in zip(steps[-1], halved, strict=True))
        )
        size = [-(-n // s) for n, s in zip(shape, steps[-1], strict=True)]
    return tuple(steps)


def place_in_words(region: Region) -> str:
    """The first and the last voxel of a region along each axis."""
    names = "zyx"[-len(region) :]
    parts = zip(names, region, strict=True)
    return ", ".join(f"{name} {part.start} to {part.stop - 1}" for name, part in parts)
