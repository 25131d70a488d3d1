"""Channels of voxels that trees are asked about again and again."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from napari_sciml.images.tiles import Region

Rows = tuple[np.ndarray, np.ndarray]
"""Rows ``(n, channels)`` and axes ``(dims, n)`` of the voxels of a region, C order."""


class KeptRows:
    """Channels of parts of an image that are looked at again and again.

    Other trees are soon asked about the same place; its channels stay the same. In a
    volume they are kept plane by plane: the second stage of the trees looks at some
    planes on both sides of a slice, and so slices that lie near share most of them.

    Parameters
    ----------
    most
        Bytes that are kept; the parts that were not asked for longest go first.
    """

    def __init__(self, most: int = 400_000_000) -> None:
        self._most, self._bytes = most, 0
        self._parts: OrderedDict[_Key, Rows] = OrderedDict()

    def of(self, region: Region, look: Callable[[Region], Rows]) -> Rows:
        """Give the rows of a region, and compute what is not known.

        Parameters
        ----------
        region
            Part of the image.
        look
            Computes the rows of a part of it.
        """
        parts = _planes(region)
        found = [self._get(part) for part in parts]
        for run in _runs([one is None for one in found]):
            rows, axis = look(_joined(parts[run]))
            if run == slice(0, len(parts)):
                self._put(parts, rows, axis)
                return rows, axis
            found[run] = self._put(parts[run], rows, axis)
        known = [one for one in found if one is not None]
        return (
            np.concatenate([rows for rows, _ in known]),
            np.concatenate([axis for _, axis in known], axis=1),
        )

    def _get(self, region: Region) -> Rows | None:
        key = _key(region)
        if key in self._parts:
            self._parts.move_to_end(key)
        return self._parts.get(key)

    def _put(
        self, parts: Sequence[Region], rows: np.ndarray, axis: np.ndarray
    ) -> list[Rows]:
        """Keep the rows of some parts, as far as there is room."""
        count = len(parts)
        cut = zip(np.split(rows, count), np.split(axis, count, axis=1), strict=True)
        # Copies, or a part that stays would hold on to the memory of all.
        own = [(one.copy(), along.copy()) for one, along in cut]
        for part, new in zip(parts, own, strict=True):
            size = _bytes(new)
            if size > self._most:
                continue
            self._parts[_key(part)] = new
            self._bytes += size
            while self._bytes > self._most:
                self._bytes -= _bytes(self._parts.popitem(last=False)[1])
        return own


_Key = tuple[tuple[int, int], ...]


def _key(region: Region) -> _Key:
    return tuple((part.start, part.stop) for part in region)


def _bytes(rows: Rows) -> int:
    return sum(part.nbytes for part in rows)


def _planes(region: Region) -> list[Region]:
    """Of a volume; a picture is one part."""
    first, *others = region
    if len(others) < 2:
        return [region]
    return [(slice(z, z + 1), *others) for z in range(first.start, first.stop)]


def _joined(planes: Sequence[Region]) -> Region:
    """What planes one after the other make up."""
    return (slice(planes[0][0].start, planes[-1][0].stop), *planes[0][1:])


def _runs(marked: Sequence[bool]) -> list[slice]:
    """Stretches of what is marked."""
    edges = np.flatnonzero(np.diff([False, *marked, False])).tolist()
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
