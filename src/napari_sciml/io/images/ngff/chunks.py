"""Read zarr arrays, and refuse chunks that are cut off or damaged."""

import struct
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.images.room import key_shape, too_large
from napari_sciml.special_files import refuse_special

_BLOSC_HEADER = 16
_LENGTH = struct.Struct("<I")
_LENGTH_AT = 12


class ZarrArray(LazyArray):
    """A zarr array of which damaged chunks are refused in one sentence.

    Blosc decompresses a chunk that was cut off without an error, into wrong values;
    its header tells how long the chunk should be.

    Parameters
    ----------
    source
        The array.
    axes
        Name of each axis, for messages.
    name
        Of the file, for messages.

    Attributes
    ----------
    source
        The array.

    Raises
    ------
    InputError
        On slicing, when a chunk there cannot be read.
    """

    def __init__(self, source: Any, axes: Sequence[str], name: str) -> None:
        super().__init__(source.shape, source.dtype)
        self.source, self._axes, self._name = source, tuple(axes), name
        self._folder = _folder_of_blosc(source)

    def _read(self, key: Key) -> Any:
        try:
            if self._folder is not None:
                for file in self._chunk_files(self._folder, key):
                    _check_length(file, self._folder)
            return self.source[key]
        except InputError:
            raise
        except MemoryError as error:
            raise too_large(
                key_shape(key, self.shape), self.dtype, self._name
            ) from error
        except Exception as error:  # a codec raises whatever broken bytes lead it to
            raise InputError(
                f"{self._name} cannot be read at {self._place(key)} and may be damaged "
                f"({first_line(error)}); copy or write it again."
            ) from error

    def _place(self, key: Key) -> str:
        """The part of the array that was asked for, in words."""
        parts = []
        for axis, part, n in zip(self._axes, key, self.shape, strict=True):
            if isinstance(part, slice):
                first, stop, _ = part.indices(n)
                parts.append(f"{axis} {first} to {stop - 1}")
            else:
                parts.append(f"{axis} {part}")
        return ", ".join(parts)

    def _chunk_files(self, folder: Path, key: Key) -> Iterator[Path]:
        """Files of the chunks that a part of the array lies in."""
        edges: Sequence[int] = self.source.chunks
        along = [
            _chunks_of(part, n, edge)
            for part, n, edge in zip(key, self.shape, edges, strict=True)
        ]
        for place in product(*along):
            yield folder / self.source.metadata.encode_chunk_key(place)


def _chunks_of(part: int | slice, length: int, edge: int) -> range:
    """Numbers of the chunks along an axis that a part lies in."""
    if not isinstance(part, slice):
        return range(part // edge, part // edge + 1)
    asked = range(*part.indices(length))
    if not asked:
        return range(0)
    first, last = min(asked[0], asked[-1]), max(asked[0], asked[-1])
    return range(first // edge, last // edge + 1)


def _folder_of_blosc(array: Any) -> Path | None:
    """Where the chunks of an array lie, if they are compressed by Blosc, one a file."""
    import zarr

    last = [type(codec).__name__ for codec in array.compressors[-1:]]
    if not isinstance(array.store, zarr.storage.LocalStore) or array.shards:
        return None
    return Path(array.store.root) / array.path if "Blosc" in "".join(last) else None


def _check_length(file: Path, folder: Path) -> None:
    refuse_special(file)
    try:
        with file.open("rb") as opened:
            header = opened.read(_BLOSC_HEADER)
            length = opened.seek(0, 2)
    except FileNotFoundError:  # it counts as the value that fills gaps
        return
    whole = len(header) == _BLOSC_HEADER
    if not whole or length < _LENGTH.unpack_from(header, _LENGTH_AT)[0]:
        name = file.relative_to(folder).as_posix()
        raise ValueError(f"the chunk {name} was cut off")
