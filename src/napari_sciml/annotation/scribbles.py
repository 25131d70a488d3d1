"""An annotation as its labeled voxels alone: nothing is as large as the volume."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar, final

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.strokes import (
    Stroke,
    labeled_indices,
    number_strokes,
    positions_by_number,
    ranges,
)
from napari_sciml.images.checks import as_labels
from napari_sciml.images.tiles import Region


@final
class Scribbles:
    """One revision of a sparse annotation; it never changes.

    Parameters
    ----------
    shape
        Of the volume.
    indices
        ``(n,)`` int64, sorted and unique: the labeled voxels, flat in C order.
    values
        ``(n,)`` uint8: their labels, never 0.

    Attributes
    ----------
    shape, indices, values
        As given; the arrays are read-only.
    """

    def __init__(
        self, shape: Sequence[int], indices: np.ndarray, values: np.ndarray
    ) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.indices = _read_only(indices, np.int64)
        self.values = _read_only(values, np.uint8)

    @classmethod
    def empty(cls, shape: Sequence[int]) -> "Scribbles":
        """Make an annotation without labels."""
        return cls(shape, np.zeros(0, np.int64), np.zeros(0, np.uint8))

    @classmethod
    def from_dense(cls, labels: np.ndarray, what: str = "The labels") -> "Scribbles":
        """Find the labeled voxels of a dense annotation, in one pass over it.

        Parameters
        ----------
        labels
            Whole numbers of any dtype; 0 = not annotated.
        what
            Subject of the sentence if they are no labels; see `as_labels`.

        Raises
        ------
        InputError
            When they are negative, too large, or not whole.
        """
        labels = np.ascontiguousarray(labels)
        indices = labeled_indices(labels)
        values = labels.reshape(-1)[indices]
        # A 0 more: most voxels are, and an error tells the range of all.
        checked = as_labels(np.append(values, labels.dtype.type(0)), what)
        return cls(labels.shape, indices, checked[:-1])

    def __len__(self) -> int:
        return len(self.indices)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Scribbles)
            and self.shape == other.shape
            and np.array_equal(self.indices, other.indices)
            and np.array_equal(self.values, other.values)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Scribbles(shape={self.shape}, counts={self.counts})"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @cached_property
    def voxels(self) -> np.ndarray:
        """Coordinates ``(n, ndim)`` of the labeled voxels, in C order."""
        # Column by column: reductions over the voxels are then several times faster.
        return np.stack(np.unravel_index(self.indices, self.shape)).T

    @cached_property
    def counts(self) -> dict[int, int]:
        """Number of labeled voxels of each label value that occurs, ascending."""
        counts = np.bincount(self.values)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}

    @cached_property
    def stroke_numbers(self) -> np.ndarray:
        """Number ``(n,)`` of each voxel's stroke; its place in `strokes`."""
        return number_strokes(self.voxels, self.values)

    @cached_property
    def _strokes(self) -> tuple[Stroke, ...]:
        groups = positions_by_number(self.stroke_numbers)
        return tuple(Stroke(int(self.values[g[0]]), self.voxels[g]) for g in groups)

    def strokes(self) -> tuple[Stroke, ...]:
        """Give the connected voxels of one class, as `find_strokes`; found once."""
        return self._strokes

    def to_dense(self, dtype: np.typing.DTypeLike = np.uint8) -> np.ndarray:
        """Write the labels into an array of the volume's shape."""
        labels = np.zeros(self.shape, dtype)
        labels.reshape(-1)[self.indices] = self.values
        return labels

    def changed(self, change: LabelChange) -> "Scribbles":
        """Give the annotation after a change; the label 0 removes a voxel."""
        at = np.searchsorted(self.indices, change.indices)
        kept = np.ones(len(self), bool)
        kept[at[self._held(at, change.indices)]] = False
        indices, values = self.indices[kept], self.values[kept]
        painted = change.values > 0
        new = change.indices[painted]
        at = np.searchsorted(indices, new)
        return Scribbles(
            self.shape,
            np.insert(indices, at, new),
            np.insert(values, at, change.values[painted]),
        )

    def subset(self, chosen: np.ndarray) -> "Scribbles":
        """Keep some of the voxels.

        Parameters
        ----------
        chosen
            A mask ``(n,)``, or ascending positions in `indices`.
        """
        return Scribbles(self.shape, self.indices[chosen], self.values[chosen])

    def values_at(self, indices: np.ndarray) -> np.ndarray:
        """Labels uint8 of any voxels, flat in C order; 0 = not annotated."""
        if not len(self):
            return np.zeros(len(indices), np.uint8)
        at = np.searchsorted(self.indices, indices)
        held = self._held(at, indices)
        return np.where(held, self.values[at.clip(max=len(self) - 1)], np.uint8(0))

    def positions_in(self, region: Region) -> np.ndarray:
        """Find the labeled voxels in a box: their positions in `indices`, ascending."""
        starts = np.zeros(1, np.int64)
        for axis, part in enumerate(region[:-1]):
            stride = math.prod(self.shape[axis + 1 :])
            steps = np.arange(part.start, part.stop, dtype=np.int64) * stride
            starts = np.add.outer(starts, steps).reshape(-1)
        # The voxels of a line of the box are one range of the indices.
        low = np.searchsorted(self.indices, starts + region[-1].start)
        high = np.searchsorted(self.indices, starts + region[-1].stop)
        return ranges(low, high)[1]

    def values_in(self, region: Region) -> np.ndarray:
        """Labels uint8 of a box, dense; its slices have a start and a stop."""
        positions = self.positions_in(region)
        box = np.zeros([part.stop - part.start for part in region], np.uint8)
        places = np.unravel_index(self.indices[positions], self.shape)
        inside = (p - part.start for p, part in zip(places, region, strict=True))
        box[tuple(inside)] = self.values[positions]
        return box

    def _held(self, at: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Tell which voxels are labeled, given where they would be inserted."""
        held = at < len(self)
        held[held] = self.indices[at[held]] == indices[held]
        return held


Labels = TypeVar("Labels", np.ndarray, Scribbles)
"""An annotation, dense or sparse; what is made of it is of the same kind."""


def as_scribbles(labels: np.ndarray | Scribbles) -> Scribbles:
    """Give an annotation as scribbles, whatever kind it is of.

    Raises
    ------
    InputError
        As `Scribbles.from_dense`.
    """
    return labels if isinstance(labels, Scribbles) else Scribbles.from_dense(labels)


def in_kind_of(labels: Labels, part: Scribbles) -> Labels:
    """Give scribbles as an annotation of the same kind and dtype as another one."""
    return part if isinstance(labels, Scribbles) else part.to_dense(labels.dtype)


def _read_only(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    # A view: what the caller holds stays as writable as it was.
    view = np.asarray(array, dtype).view()
    view.flags.writeable = False
    return view
