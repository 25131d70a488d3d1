"""The labeled voxels of an annotation, without the empty rest of the volume."""

import math
from collections.abc import Generator, Iterator, Sequence

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import BACKGROUND
from napari_sciml.annotation.strokes import Stroke, count_strokes, strokes_of
from napari_sciml.errors import InputError
from napari_sciml.progress import exhaust

PIECE = 2**21
"""Voxels that `LabelStore.scan` looks at in one go; about a millisecond."""

NO_CLASS = 255
"""Stands for a value that no uint8 holds: it is no class either."""


class LabelStore:
    """A sparse copy of an annotation that knows what changes.

    One thread writes. `indices` and `values` are never written to, only replaced,
    so that what another thread was given stays as it is.

    Parameters
    ----------
    shape
        Of the annotation.
    revision
        To begin with, for one that goes on where another ended.

    Attributes
    ----------
    indices
        ``(n,)`` int64, sorted: the labeled voxels, flat in C order.
    values
        ``(n,)`` uint8: their labels, never 0.
    revision
        How many changes there were.
    """

    def __init__(self, shape: Sequence[int], revision: int = 0) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.revision = revision
        self.indices = _frozen(np.zeros(0, np.int64))
        self.values = _frozen(np.zeros(0, np.uint8))

    def __len__(self) -> int:
        return len(self.indices)

    def read_box(self, start: Sequence[int], block: np.ndarray) -> LabelChange | None:
        """Take over what a box of the annotation holds now.

        Parameters
        ----------
        start
            First voxel of the box.
        block
            The present labels in it.

        Returns
        -------
        LabelChange or None
            None, and no new revision, where nothing differs.

        Raises
        ------
        InputError
            When the box does not lie in the annotation.
        """
        stop = self._check_box(start, block.shape)
        if not block.size:
            return None
        local, values = _labeled(np.ascontiguousarray(block).reshape(-1))
        present = self._flat(start, block.shape, local)
        held = self._held_in(start, stop)
        changed = _differing(self.indices[held], self.values[held], present, values)
        return self._apply(changed, _lookup(present, values, changed))

    def scan(self, labels: np.ndarray) -> Generator[None, None, LabelChange | None]:
        """Take over the whole annotation, piece by piece.

        Between the pieces, `read_box` may be called, and others may write into the
        labels. The change comes as one, at the end; until then nothing happens to
        the store, so a scan can be dropped at any time.

        Parameters
        ----------
        labels
            The annotation.

        Yields
        ------
        None
            Every few milliseconds.

        Returns
        -------
        LabelChange or None
            As from `read_box`.
        """
        self._check_shape(labels)
        found = [np.zeros(0, np.int64)]
        for offset, piece in _pieces(labels):
            local, values = _labeled(piece)
            ends = np.searchsorted(self.indices, (offset, offset + piece.size))
            held = slice(*ends.tolist())
            differing = _differing(
                self.indices[held], self.values[held], local + offset, values
            )
            if len(differing):
                found.append(differing)
            yield
        # What was painted since then has been read already: look at it anew.
        indices = np.concatenate(found)
        return self.write(indices, _taken(labels, indices))

    def read_all(self, labels: np.ndarray) -> LabelChange | None:
        """Take over the whole annotation at once; see `scan`."""
        return exhaust(self.scan(labels))

    def write(self, indices: np.ndarray, values: np.ndarray) -> LabelChange | None:
        """Set voxels.

        Parameters
        ----------
        indices
            ``(n,)``, sorted and unique, flat in C order.
        values
            ``(n,)`` labels; 0 = not annotated.

        Returns
        -------
        LabelChange or None
            As from `read_box`.
        """
        values = _as_uint8(values)
        changed = self.labels_at(indices) != values
        return self._apply(indices[changed], values[changed])

    def labels_at(self, indices: np.ndarray) -> np.ndarray:
        """Labels ``(n,)`` uint8 of voxels, flat in C order."""
        return _lookup(self.indices, self.values, indices)

    def dense(self) -> np.ndarray:
        """The annotation, uint8."""
        labels = np.zeros(self.shape, np.uint8)
        labels.reshape(-1)[self.indices] = self.values
        return labels

    def snapshot(self) -> LabelChange:
        """All labeled voxels, as a change of an empty annotation."""
        return LabelChange(self.revision, self.indices, self.values)

    def voxel_counts(self) -> dict[int, int]:
        """Labeled voxels of each label value that is there."""
        counts = np.bincount(self.values, minlength=1)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}

    def balance(self) -> tuple[int, int]:
        """Labeled voxels of the background, and of all other classes together."""
        background = int(np.count_nonzero(self.values == BACKGROUND))
        return background, len(self) - background

    @property
    def strokes(self) -> list[Stroke]:
        """Connected voxels of one class; work in the order of the labeled voxels."""
        return strokes_of(self._voxels(), self.values)

    def stroke_counts(self) -> dict[int, int]:
        """Strokes of each label value that is there; faster than `strokes`."""
        return count_strokes(self._voxels(), self.values)

    def _voxels(self) -> np.ndarray:
        return np.stack(np.unravel_index(self.indices, self.shape)).T

    def _check_shape(self, labels: np.ndarray) -> None:
        if labels.shape != self.shape:
            raise InputError(
                f"The annotation has shape {labels.shape} now, but it had {self.shape}."
            )

    def _check_box(self, start: Sequence[int], size: tuple[int, ...]) -> list[int]:
        """Give the end of a box that lies in the annotation."""
        if len(start) == len(size) == len(self.shape):
            stop = [int(a) + n for a, n in zip(start, size, strict=True)]
            sides = zip(start, stop, self.shape, strict=True)
            if all(0 <= low <= high <= length for low, high, length in sides):
                return stop
        raise InputError(
            f"A box {size} at {tuple(start)} does not fit into an annotation of "
            f"shape {self.shape}."
        )

    def _flat(
        self, start: Sequence[int], size: tuple[int, ...], local: np.ndarray
    ) -> np.ndarray:
        """Places in the annotation of places in a box; their order is the same."""
        places = np.unravel_index(local, size)
        flat = np.zeros(len(local), np.int64)
        for place, first, length in zip(places, start, self.shape, strict=True):
            flat = flat * length + (place + int(first))
        return flat

    def _held_in(self, start: Sequence[int], stop: Sequence[int]) -> np.ndarray:
        """Which of the stored voxels lie in a box."""
        first = np.ravel_multi_index(tuple(start), self.shape)
        last = np.ravel_multi_index(tuple(np.subtract(stop, 1)), self.shape)
        low, high = np.searchsorted(self.indices, (first, last + 1))
        inside = np.ones(high - low, bool)
        places = np.unravel_index(self.indices[low:high], self.shape)
        for place, begin, end in zip(places, start, stop, strict=True):
            inside &= (place >= begin) & (place < end)
        return low + np.flatnonzero(inside)

    def _apply(self, changed: np.ndarray, new: np.ndarray) -> LabelChange | None:
        """Give voxels another label each."""
        if not len(changed):
            return None
        low, high = np.searchsorted(self.indices, (changed[0], changed[-1] + 1))
        before = self.indices[low:high]
        kept = ~np.isin(before, changed, assume_unique=True)
        indices = np.concatenate([before[kept], changed[new > 0]])
        values = np.concatenate([self.values[low:high][kept], new[new > 0]])
        order = np.argsort(indices, kind="stable")
        self.indices = _spliced(self.indices, low, high, indices[order])
        self.values = _spliced(self.values, low, high, values[order])
        self.revision += 1
        return LabelChange(self.revision, _frozen(changed), _frozen(new))


def _spliced(array: np.ndarray, low: int, high: int, middle: np.ndarray) -> np.ndarray:
    return _frozen(np.concatenate([array[:low], middle, array[high:]]))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _lookup(indices: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values of a sparse annotation at some places; 0 where it holds none."""
    if not len(indices):
        return np.zeros(len(at), np.uint8)
    found = np.searchsorted(indices, at).clip(max=len(indices) - 1)
    return np.where(indices[found] == at, values[found], np.uint8(0))


def _taken(labels: np.ndarray, indices: np.ndarray) -> np.ndarray:
    if labels.flags.c_contiguous:
        return labels.reshape(-1)[indices]
    return labels[np.unravel_index(indices, labels.shape)]


def _as_uint8(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    valid = (values >= 0) & (values <= NO_CLASS)
    return np.where(valid, values, NO_CLASS).astype(np.uint8)


def _labeled(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and labels of the labeled voxels of a contiguous piece."""
    if flat.dtype != np.uint8 or flat.size < 64:
        found = np.flatnonzero(flat).astype(np.int64)
        return found, _as_uint8(flat[found])
    # Eight voxels at a time: most are empty, and to see that is most of the work.
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    bytes_of = 8 * np.flatnonzero(words)[:, None] + np.arange(8)
    tail = np.arange(8 * len(words), flat.size)
    candidates = np.concatenate([bytes_of.reshape(-1), tail])
    labels = flat[candidates]
    return candidates[labels > 0].astype(np.int64), labels[labels > 0]


def _pieces(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The annotation in C order, as (place of the first voxel, contiguous piece)."""
    if labels.flags.c_contiguous:
        flat = labels.reshape(-1)
        for start in range(0, labels.size, PIECE):
            yield start, flat[start : start + PIECE]
        return
    size = math.prod(labels.shape[1:])
    step = max(1, PIECE // max(size, 1))
    for first in range(0, len(labels), step):
        slab = np.ascontiguousarray(labels[first : first + step])
        yield first * size, slab.reshape(-1)


def _differing(
    old: np.ndarray, old_values: np.ndarray, new: np.ndarray, new_values: np.ndarray
) -> np.ndarray:
    """Sorted places at which two sparse annotations differ."""
    if np.array_equal(old, new) and np.array_equal(old_values, new_values):
        return np.zeros(0, np.int64)
    keys = np.setxor1d(
        old * 256 + old_values, new * 256 + new_values, assume_unique=True
    )
    return np.unique(keys // 256)
