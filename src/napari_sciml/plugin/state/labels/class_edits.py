"""The classes of a layer, and their undo."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from napari.layers import Labels

from napari_sciml.annotation.classes import MAX_CLASSES, ClassTable
from napari_sciml.errors import InputError


def read_classes(layer: Labels, default: ClassTable) -> ClassTable:
    """The classes that a layer was painted with, if it says so."""
    names = layer.metadata.get("class_names")
    if names is None:
        return default
    names = [str(name) for name in names][:MAX_CLASSES]
    colors = [str(color) for color in layer.metadata.get("class_colors", ())]
    for known in (colors, []):  # the metadata may have been written by anyone
        try:
            return ClassTable.of(names, known)
        except InputError:
            continue
    return default


def write_classes(layer: Labels, table: ClassTable) -> None:
    """Let a layer say what its labels mean."""
    layer.metadata["class_names"] = list(table.names)
    layer.metadata["class_colors"] = list(table.colors)


@dataclass(frozen=True)
class _Rewrite:
    """A change of the classes that went with a change of labels."""

    before: ClassTable
    after: ClassTable
    indices: np.ndarray
    old: np.ndarray
    new: np.ndarray


class Rewrites:
    """Notice when napari undoes or redoes the removal of a class.

    Labels that come back must find their classes again, or they mean others. Undo
    says nothing but that the layer was drawn anew; all voxels that were rewritten
    have their old labels then.
    """

    def __init__(self) -> None:
        self._done: list[_Rewrite] = []
        self._undone: list[_Rewrite] = []

    def __bool__(self) -> bool:
        return bool(self._done or self._undone)

    def add(
        self,
        before: ClassTable,
        after: ClassTable,
        indices: np.ndarray,
        old: np.ndarray,
        new: np.ndarray,
    ) -> None:
        """Remember a rewrite; one of no label has no undo."""
        self._undone.clear()
        if len(indices):
            self._done.append(_Rewrite(before, after, indices, old, new))

    def forget(self) -> None:
        """There is no undo any more."""
        self._done.clear()
        self._undone.clear()

    def outdate(self, labels_at: Callable[[np.ndarray], np.ndarray]) -> None:
        """Painting ends redo, and what was painted back by hand is no undo."""
        self._undone.clear()
        if self._done and _holds(labels_at, self._done[-1], self._done[-1].old):
            self._done.pop()

    def turned_back(self, labels: np.ndarray) -> ClassTable | None:
        """The classes that belong to the labels since the last undo or redo."""

        def at(indices: np.ndarray) -> np.ndarray:
            return labels[np.unravel_index(indices, labels.shape)]

        if self._done and _holds(at, self._done[-1], self._done[-1].old):
            last = self._done.pop()
            self._undone.append(last)
            return last.before
        if self._undone and _holds(at, self._undone[-1], self._undone[-1].new):
            last = self._undone.pop()
            self._done.append(last)
            return last.after
        return None


def _holds(
    labels_at: Callable[[np.ndarray], np.ndarray],
    rewrite: _Rewrite,
    values: np.ndarray,
) -> bool:
    """Whether the rewritten voxels have some values; one tells it, mostly."""
    first = slice(0, 1)
    return np.array_equal(
        labels_at(rewrite.indices[first]), values[first]
    ) and np.array_equal(labels_at(rewrite.indices), values)
