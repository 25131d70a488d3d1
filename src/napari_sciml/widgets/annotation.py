"""The labels that the user paints, with a revision number."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError
from napari_sciml.jobs.qt import IdleRunner
from napari_sciml.widgets.colors import MAX_CLASSES
from napari_sciml.widgets.counting import Counts
from napari_sciml.widgets.wiring import Wiring

SETTLE_MS = 200


class Annotation:
    """A Labels layer, its classes, and every change of its labels.

    A stroke is taken over at once, from the box that it lies in. Undo, redo and what
    plugins write give no event of their own, only that the layer was drawn anew: then
    the labels are compared with the store, once they are at rest and in the idle time
    of the event loop.
    """

    layer_changed = Signal()
    classes_changed = Signal()
    changed = Signal(LabelChange)
    counted = Signal(Counts)

    def __init__(self) -> None:
        self.layer: Labels | None = None
        self.class_names: tuple[str, ...] = DEFAULT_CLASSES
        self.store = LabelStore((0, 0))
        self.counts = Counts()
        self._wiring = Wiring()
        self._unread = False
        self._counted = -1
        self._settled = QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE_MS)
        self._settled.timeout.connect(self._on_rest)
        self._idle = IdleRunner()

    @property
    def revision(self) -> int:
        """How often the labels have changed."""
        return self.store.revision

    @property
    def settling(self) -> bool:
        """Whether counts and revision may lag behind what is painted."""
        return self._settled.isActive() or self._idle.busy

    def follow(self, layer: Labels | None) -> None:
        """Watch another layer, or none."""
        if layer is self.layer:
            return
        self._wiring.close()
        self._idle.stop()
        self.layer = layer
        self._begin()
        if layer is not None:
            self.class_names = _names_of(layer, self.class_names)
            self._wiring.connect(layer.events.paint, self._on_paint)
            self._wiring.connect(layer.events.set_data, self._on_maybe_changed)
            self._wiring.connect(layer.events.data, self._on_data)
        self.classes_changed.emit()
        self.look_again()
        self.layer_changed.emit()

    def snapshot(self) -> np.ndarray:
        """A uint8 copy of the labels as they are now, for a job.

        Raises
        ------
        InputError
            When there are none, or values that are no class.
        """
        if self.layer is None:
            raise InputError(
                'Not annotated yet: press "Start annotating" in the Annotate dock and '
                "paint at least two classes."
            )
        self.flush()
        highest = int(self.store.values.max(initial=0))
        if highest > len(self.class_names):
            raise InputError(
                f"The annotation holds the value {highest}, but there are only "
                f"{len(self.class_names)} classes: add a class in the Annotate dock."
            )
        return self.store.dense()

    def flush(self) -> None:
        """Take over at once what may have changed unseen."""
        if self._unread:
            self.look_again()

    def look_again(self) -> None:
        """Compare all labels with the store, and count them."""
        self._settled.stop()
        self._idle.stop()
        for _ in self._looking():
            pass

    def add_class(self, name: str) -> None:
        """Append a class.

        Raises
        ------
        InputError
            When the name is taken, or there are as many classes as number keys.
        """
        if len(self.class_names) >= MAX_CLASSES:
            raise InputError(f"More than {MAX_CLASSES} classes are not possible.")
        self._rename([*self.class_names, name])

    def rename_class(self, index: int, name: str) -> None:
        """Give a class another name.

        Raises
        ------
        InputError
            When the name is empty or taken.
        """
        names = list(self.class_names)
        names[index] = name
        self._rename(names)

    def _rename(self, names: list[str]) -> None:
        names = [name.strip() for name in names]
        if "" in names or len(set(names)) < len(names):
            raise InputError("Each class needs a name of its own.")
        self.class_names = tuple(names)
        if self.layer is not None:
            self.layer.metadata["class_names"] = names
        self.classes_changed.emit()

    def _begin(self) -> None:
        """A store for the layer; its revisions go on where the last ones ended."""
        shape = (0, 0) if self.layer is None else self.layer.data.shape
        self.store = LabelStore(shape, self.revision + (len(self.store) > 0))
        self._counted, self._unread = -1, True

    def _on_paint(self, event: Any) -> None:
        box = _box_of(event.value, self.store.shape)
        if self.layer is None or box is None:
            self._on_maybe_changed()
            return
        block = np.array(self.layer.data[box])
        self._take(self.store.read_box([part.start for part in box], block))
        self._settled.start()

    def _on_maybe_changed(self, event: object = None) -> None:
        self._unread = True
        self._idle.stop()
        self._settled.start()

    def _on_data(self, event: object) -> None:
        """The whole array may be another one now."""
        if self.layer is not None and self.layer.data.shape != self.store.shape:
            self._idle.stop()
            self._begin()
            self.look_again()
            self.layer_changed.emit()
        self._on_maybe_changed()

    def _on_rest(self) -> None:
        self._idle.start(self._looking())

    def _looking(self) -> Generator[None, None, None]:
        if self._unread and self.layer is not None:
            change = yield from self.store.scan(np.asarray(self.layer.data))
            self._take(change)
        self._unread = False
        # Scrolling draws the layer anew too: counting is for labels that have changed.
        if self._counted != self.revision:
            self._counted = self.revision
            self.counts = Counts(self.store.voxel_counts(), self.store.stroke_counts())
        self.counted.emit(self.counts)

    def _take(self, change: LabelChange | None) -> None:
        if change is not None:
            self.changed.emit(change)


def _box_of(atoms: Any, shape: Sequence[int]) -> tuple[slice, ...] | None:
    """The box that holds all that a stroke has written; None where it is not told.

    An atom is a box and a mask, or indices, old and new values as in older napari.
    """
    low, high = list(shape), [0] * len(shape)
    for atom in atoms:
        key = getattr(atom, "slice_key", None)
        if key is None and isinstance(atom, tuple) and len(atom) == 3:
            key = atom[0]
        if not isinstance(key, tuple) or len(key) != len(shape):
            return None
        for axis, part in enumerate(key):
            start, stop = _ends(part, shape[axis])
            low[axis], high[axis] = min(low[axis], start), max(high[axis], stop)
    if any(a >= b for a, b in zip(low, high, strict=True)):
        return None
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _ends(part: Any, length: int) -> tuple[int, int]:
    if isinstance(part, slice):
        start, stop, _ = part.indices(length)
        return start, stop
    places = np.asarray(part)
    return (int(places.min()), int(places.max()) + 1) if places.size else (length, 0)


def _names_of(layer: Labels, default: Sequence[str]) -> tuple[str, ...]:
    names = layer.metadata.get("class_names", default)
    return tuple(str(name) for name in names)[:MAX_CLASSES]
