"""Cut an image into tiles with a halo, and put them in order."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

Region = tuple[slice, ...]

Frame = Sequence[int] | Region
"""Where an image ends: its shape, or a region that it is, if it begins elsewhere."""


@dataclass(frozen=True)
class Tile:
    """A part of an image that is computed in one go.

    Attributes
    ----------
    core
        What the tile is responsible for; the cores of a tiling cover the image
        once.
    read
        The core and the halo around it, clipped to the image.
    """

    core: Region
    read: Region

    @property
    def inner(self) -> Region:
        """Where the core lies inside of ``read``."""
        return tuple(
            slice(c.start - r.start, c.stop - r.start)
            for c, r in zip(self.core, self.read, strict=True)
        )

    @property
    def surround(self) -> list[tuple[int, int]]:
        """Voxels read before and after the core, axis by axis."""
        return [
            (c.start - r.start, r.stop - c.stop)
            for c, r in zip(self.core, self.read, strict=True)
        ]

    @property
    def center(self) -> tuple[float, ...]:
        """Middle of the core, in voxels."""
        return tuple((c.start + c.stop - 1) / 2 for c in self.core)


def with_halo(
    core: Region,
    halo: int | Sequence[int],
    frame: Frame,
    *,
    align: int = 1,
) -> Tile:
    """Widen a region by ``halo`` voxels on each side, clipped to the image.

    The halo is one number, or one for each axis.

    What is read starts at a multiple of ``align``, so up to ``align - 1`` voxels
    earlier than the halo asks for.
    """
    halos = (halo,) * len(core) if isinstance(halo, int) else halo
    whole = (n if isinstance(n, slice) else slice(0, n) for n in frame)
    read = tuple(
        slice(max(w.start, (c.start - h) // align * align), min(w.stop, c.stop + h))
        for c, h, w in zip(core, halos, whole, strict=True)
    )
    return Tile(core, read)


def split_into_tiles(
    shape: Sequence[int],
    size: int,
    halo: int | Sequence[int],
    region: Region | None = None,
    *,
    align: int = 1,
) -> list[Tile]:
    """Cover an image, or a region of it, with tiles in C order.

    Parameters
    ----------
    shape
        Shape of the image in voxels.
    size
        Longest edge of a core in voxels. A region is cut into equal parts, so
        that no sliver is left at its end.
    halo
        Voxels that are read around a core, for all axes or for each.
    region
        Part of the image to cover; all of it by default.
    align
        What is read starts at multiples of this on every axis: a network that
        pools answers for a tile as for the image only then.

    Returns
    -------
    list of Tile
    """
    region = region or tuple(slice(0, n) for n in shape)
    edges = [_equal_parts(r.start, r.stop, size) for r in region]
    return [with_halo(core, halo, shape, align=align) for core in product(*edges)]


def aligned_regions(region: Region, edges: Sequence[int]) -> Iterator[Region]:
    """Cut a region where chunks begin, in C order, so that no chunk is cut.

    Parameters
    ----------
    region
        What to cut up.
    edges
        Of a chunk, along each axis; a chunk begins at 0.
    """
    cuts = []
    for part, edge in zip(region, edges, strict=True):
        starts = range(part.start // edge * edge, part.stop, edge)
        cuts.append(
            [slice(max(a, part.start), min(a + edge, part.stop)) for a in starts]
        )
    yield from product(*cuts)


def grid(shape: Sequence[int], edges: int | Sequence[int]) -> list[Region]:
    """Cut a whole image into boxes that start at multiples of their edges, in C order.

    The edges are one number, or one for each axis; the last boxes are clipped.
    """
    edges = (edges,) * len(shape) if isinstance(edges, int) else edges
    return list(aligned_regions(tuple(slice(0, n) for n in shape), edges))


def region_size(region: Region) -> int:
    """Number of voxels."""
    return math.prod(part.stop - part.start for part in region)


def nearest_first(tiles: Sequence[Tile], point: Sequence[float]) -> list[Tile]:
    """Sort tiles by the distance of their centers from a point in voxels."""
    centers = np.array([tile.center for tile in tiles]).reshape(-1, len(point))
    distance = np.linalg.norm(centers - point, axis=1)
    return [tiles[i] for i in np.argsort(distance, kind="stable")]


def _equal_parts(start: int, stop: int, size: int) -> list[slice]:
    count = max(1, -(-(stop - start) // size))
    cuts = [start + (stop - start) * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(cuts)]


def assemble(
    whole: Tile, tiles: Sequence[Tile], arrays: Sequence[np.ndarray]
) -> np.ndarray:
    """One array ``(…, *core)`` of those of the tiles that make up a whole."""
    shape = [part.stop - part.start for part in whole.core]
    leading = arrays[0].shape[: arrays[0].ndim - len(shape)]
    out = np.zeros((*leading, *shape), arrays[0].dtype)
    for tile, values in zip(tiles, arrays, strict=True):
        inner: tuple[Any, ...] = (..., *Tile(tile.core, whole.core).inner)
        out[inner] = values
    return out
