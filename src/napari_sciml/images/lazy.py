"""Array-likes that read from disk only what is sliced."""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from napari_sciml.errors import InputError

Key = tuple[int | slice, ...]

CACHED_BYTES = 2**29


class LazyArray(ABC):
    """Gives numpy for integers, slices and an ellipsis, as numpy itself would."""

    def __init__(self, shape: Sequence[int], dtype: np.dtype) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.dtype = dtype.newbyteorder("=")

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        values = self._read(_full_key(key, self.shape))
        return np.asarray(values, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[...], dtype=dtype)

    def parts(self, keys: Iterable[Any]) -> Iterator[np.ndarray]:
        """Give one part after the other, in the order in which they are asked for."""
        for key in keys:
            yield self[key]

    @abstractmethod
    def _read(self, key: Key) -> Any:
        """Read a part; ``key`` has an entry for each axis, integers are >= 0."""


class Reopened(LazyArray):
    """An array-like on the disk that another process opens for itself.

    Pickled, it is the way to open it, not its voxels.

    Parameters
    ----------
    source
        Array-like, as opened here. Threads read it one at a time.
    opener
        Function of a module that gives the array-like.
    given
        Arguments of it, a path first; absolute, as the other process may work in
        another folder.
    """

    def __init__(self, source: Any, opener: Callable[..., Any], *given: Any) -> None:
        super().__init__(source.shape, source.dtype)
        self._source, self._opener, self._given = source, opener, given
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        return _reopened, (self._opener, self._given, self.shape, self.dtype)

    def __setitem__(self, key: Any, values: np.ndarray) -> None:
        self._source[key] = values

    def _read(self, key: Key) -> Any:
        with self._lock:
            return self._source[key]


def _reopened(
    opener: Callable[..., Any],
    given: tuple[Any, ...],
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Reopened:
    found = Reopened(opener(*given), opener, *given)
    if (found.shape, found.dtype) != (shape, dtype):
        raise InputError(
            f"{given[0]} is another file for a worker than for the command: let all "
            "see the same file system."
        )
    return found


class AxesView(LazyArray):
    """Some axes of another array-like, in native byte order.

    Parameters
    ----------
    source
        Array-like; of the axes that are left out, the first element is taken.
    kept
        Axes to keep, ascending.

    Attributes
    ----------
    source
        The array-like.
    """

    def __init__(self, source: Any, kept: Sequence[int]) -> None:
        super().__init__([source.shape[axis] for axis in kept], source.dtype)
        self.source = source
        self._kept = tuple(kept)

    def _read(self, key: Key) -> Any:
        full: list[int | slice] = [0] * len(self.source.shape)
        for axis, part in zip(self._kept, key, strict=True):
            full[axis] = part
        return self.source[tuple(full)]


class Transposed(LazyArray):
    """Another array-like with its axes in another order.

    Parameters
    ----------
    source
        Array-like.
    order
        Which axis of the source each axis is.

    Attributes
    ----------
    source
        The array-like.
    """

    def __init__(self, source: Any, order: Sequence[int]) -> None:
        super().__init__([source.shape[axis] for axis in order], source.dtype)
        self.source = source
        self._order = tuple(order)

    def _read(self, key: Key) -> Any:
        asked = dict(zip(self._order, key, strict=True))
        values = np.asarray(self.source[tuple(asked[axis] for axis in sorted(asked))])
        # Axes of which one element was asked for are gone.
        left = [axis for axis in self._order if isinstance(asked[axis], slice)]
        return values.transpose([sorted(left).index(axis) for axis in left])


class DaskArray(LazyArray):
    """A dask array, computed without what others hang on every computation.

    Dask's callbacks are one set for all threads. Napari has its cache of chunks there
    while it slices, which forgets what every thread has begun as soon as one is done:
    a job that reads at that moment would die of a ``KeyError``.

    Parameters
    ----------
    source
        A dask array, or an xarray with one inside.

    Attributes
    ----------
    source
        The same.
    """

    def __init__(self, source: Any) -> None:
        super().__init__(source.shape, np.dtype(source.dtype))
        self.source = source

    def _read(self, key: Key) -> Any:
        return self.source[key].compute(callbacks=())


def without_callbacks(data: Any) -> Any:
    """Give an array-like as it is, and as a `DaskArray` if dask is to compute it."""
    graph = getattr(data, "__dask_graph__", None)
    return data if graph is None or graph() is None else DaskArray(data)


class PlaneStack(LazyArray):
    """Planes of equal shape along z, each read when it is needed.

    Parameters
    ----------
    read_plane
        Gives plane ``z`` as ``(y, x)``, or with samples. The latest planes are kept,
        up to `CACHED_BYTES`, as blocks that follow each other share planes.
    shape
        ``(z, y, x)``, or with samples.
    dtype
        Of every plane.
    """

    def __init__(
        self,
        read_plane: Callable[[int], np.ndarray],
        shape: Sequence[int],
        dtype: np.dtype,
    ) -> None:
        super().__init__(shape, dtype)
        plane_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        kept = max(1, CACHED_BYTES // max(1, plane_bytes))
        self._plane = lru_cache(maxsize=kept)(read_plane)

    def __deepcopy__(self, memo: object) -> "PlaneStack":
        return self  # a layer that is duplicated looks at the same file

    def _read(self, key: Key) -> Any:
        z, *rest = key
        within = tuple(rest)
        if not isinstance(z, slice):
            return self._plane(z)[within]
        planes = [self._plane(i)[within] for i in range(*z.indices(self.shape[0]))]
        if not planes:
            return np.empty((0, *self.shape[1:]), self.dtype)[:, *within]
        return np.stack(planes)


def _full_key(key: Any, shape: tuple[int, ...]) -> Key:
    parts = list(key) if isinstance(key, tuple) else [key]
    given = [i for i, part in enumerate(parts) if part is Ellipsis]
    at = given[0] if given else len(parts)
    missing = len(shape) - (len(parts) - len(given))
    if missing < 0 or len(given) > 1:
        raise IndexError(f"{key!r} does not index an array of shape {shape}")
    parts[at : at + 1] = [slice(None)] * missing
    return tuple(_checked(part, n) for part, n in zip(parts, shape, strict=True))


def _checked(part: Any, length: int) -> int | slice:
    if isinstance(part, slice):
        return part
    position = index(part)
    if not -length <= position < length:
        raise IndexError(f"index {position} is out of range for an axis of {length}")
    return position % length
