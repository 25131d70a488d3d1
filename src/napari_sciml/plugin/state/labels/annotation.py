"""The labels that the user paints, with a revision number."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import DEFAULT_TABLE, ClassTable
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.painting import forget_history, painted_voxels
from napari_sciml.plugin.kit.runner import IdleRunner
from napari_sciml.plugin.layers.axes import image_array
from napari_sciml.plugin.state.exclusion import Exclusion
from napari_sciml.plugin.state.labels.class_edits import (
    Rewrites,
    read_classes,
    write_classes,
)
from napari_sciml.plugin.state.labels.counting import Counts

SETTLE_MS = 200
LONGEST_WAIT = 2.0
"""In seconds: who scrubs through the slices for ever is looked at all the same."""
UNDOABLE = 2**22
"""Changes of more voxels would take tens of bytes each in napari's history."""
AT_ONCE = 2**24
"""Voxels of an annotation that is read in one go when it is taken over."""


class Annotation:
    """A Labels layer, its classes, and a sparse store of what is painted.

    A stroke reaches the store at once. Undo, redo and what plugins write give no
    event of their own, only that the layer was drawn anew, as scrolling does:
    then the whole layer is compared with the store, once it is at rest, a few
    milliseconds at a time.

    Attributes
    ----------
    layer
        None when nothing is annotated.
    classes
        Names and colors; kept in the metadata of the layer, too.
    store
        What is labeled, and the revision. Another object after `layer_changed`,
        whose revision goes on where the last one ended.
    counts
        Voxels and strokes; they come a moment after the labels.
    changed
        Emitted with each revision but the ones that come with `layer_changed`.
        Applied in order to the snapshot taken then, they give the store.
        A value above the number of classes is not kept out: the user can paint it
        with napari's own control; `snapshot` complains.
    """

    layer_changed = Signal()
    classes_changed = Signal()
    counted = Signal(Counts)
    changed = Signal(LabelChange)

    def __init__(self, exclusion: Exclusion | None = None) -> None:
        self._exclusion = exclusion or Exclusion()
        self.layer: Labels | None = None
        self.classes = DEFAULT_TABLE
        self.store = LabelStore((0,))
        self.counts = Counts()
        self._data: Any = None
        self._rewrites = Rewrites()
        self._wiring = Connections()
        self._unread = self._reading = False
        self._uncounted = False
        self._since = 0.0
        self._looks = IdleRunner()
        self._settled = QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE_MS)
        self._settled.timeout.connect(self._start_look)

    @property
    def revision(self) -> int:
        """How often the labels have changed."""
        return self.store.revision

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of the label value 1, and so on."""
        return self.classes.names

    @property
    def settling(self) -> bool:
        """Whether counts and revision may lag behind what is painted."""
        return self._settled.isActive() or self._looks.busy

    def follow(self, layer: Labels | None) -> None:
        """Watch another layer, or none."""
        if layer is self.layer:
            return
        self._wiring.close()
        self._rewrites.forget()
        self.layer = layer
        if layer is not None:
            self.classes = read_classes(layer, self.classes)
            self._wiring.connect(layer.events.paint, self._on_paint)
            self._wiring.connect(layer.events.set_data, self._on_drawn)
            self._wiring.connect(layer.events.data, self._on_data)
        self._renew_store()
        self.classes_changed.emit()
        self.counted.emit(self.counts)
        self.layer_changed.emit()

    def snapshot(self) -> np.ndarray:
        """A uint8 copy of the labels; see `checked`."""
        self.checked()
        return self.store.dense()

    def checked(self) -> LabelChange:
        """All labels as they are now, for a job, as a change of an empty annotation.

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
        self.read_now()
        highest = int(self.store.values.max(initial=0))
        if highest > len(self.classes):
            raise InputError(
                f"The annotation holds the value {highest}, but there are only "
                f"{len(self.classes)} classes: add a class in the Annotate dock."
            )
        return self.store.snapshot()

    def count_on(self, revision: int) -> None:
        """Give revisions that come after those of a project."""
        self.store.revision = max(self.store.revision, revision)

    def read_now(self) -> None:
        """Bring the store up to date, whatever is still to be looked at."""
        if self.layer is not None:
            self._unread = False
            self._tell(self.store.read_all(self._labels()))

    def recount(self) -> None:
        """Count anew: other labels are left out now."""
        self._count()

    def learned(self) -> LabelStore:
        """The labels less what is left out; what a training is given."""
        if not self._exclusion.active:
            return self.store
        kept = LabelStore(self.store.shape, self.store.revision)
        change = self._exclusion.without(self.store.snapshot(), self.store.shape)
        kept.write(change.indices, change.values)
        kept.revision = self.store.revision
        return kept

    def excluded_sentence(self) -> str:
        """Tell how much is left out; empty where that is not wanted."""
        if not self._exclusion.wanted:
            return ""
        if not self._exclusion.active:
            return "There is no mask: rate the focus first."
        total, left = len(self.store), sum(self.counts.voxels.values())
        if not total:
            return "What you label under the mask will be left out."
        return f"{total - left:,} of {total:,} labeled voxels are left out."

    def look_again(self) -> None:
        """Bring store and counts up to date."""
        self._stop_look()
        self.read_now()
        self._count()

    def set_classes(self, table: ClassTable) -> None:
        """Take other names and colors, such as ``classes.added("void")``.

        The labels stay as they are.

        Raises
        ------
        InputError
            When labels are painted that the table has no class for.
        """
        counts = self.store.voxel_counts()
        lost = [n for n in counts if len(table) < n <= len(self.classes)]
        if lost:
            raise InputError(
                f"{counts[lost[0]]:,} voxels are labeled {lost[0]}, but there are only "
                f"{len(table)} classes: add a class, or erase these labels first."
            )
        self._use(table)

    def remove_class(self, label: int) -> None:
        """Drop a class with its labels; the ones above it move down.

        Undo of the layer brings it back.

        Raises
        ------
        InputError
            When it is the only one.
        """
        self._rewrite(label, *self.classes.removed(label))

    def merge_class(self, label: int, into: int) -> None:
        """Give the labels of a class to another one; undo brings it back."""
        self._rewrite(label, *self.classes.merged(label, into))

    def write(self, indices: np.ndarray, values: np.ndarray) -> None:
        """Label voxels, flat in C order, in a way that the user can undo."""
        if self.layer is None or not len(indices):
            return
        # Axes of length 1, which the store does not have, change no flat index.
        places = np.unravel_index(indices, self.layer.data.shape)
        self.layer.data_setitem(places, values.astype(self.layer.data.dtype))

    def replace(
        self, labels: np.ndarray, indices: np.ndarray, values: np.ndarray
    ) -> bool:
        """Take other labels.

        Parameters
        ----------
        labels
            All of them, uint8.
        indices, values
            Those that are different, as of `write`.

        Returns
        -------
        bool
            Whether it can be undone: up to `UNDOABLE` voxels.
        """
        if len(indices) <= UNDOABLE or self.layer is None:
            self.write(indices, values)
            return True
        other = labels.astype(self.layer.data.dtype)
        self.layer.data = other.reshape(self.layer.data.shape)
        return False

    def _use(self, table: ClassTable) -> None:
        if table == self.classes:
            return
        self.classes = table
        if self.layer is not None:
            write_classes(self.layer, table)
        self.classes_changed.emit()

    def _rewrite(self, label: int, table: ClassTable, new_values: np.ndarray) -> None:
        self.read_now()
        old = self.store.values
        moved = new_values[old] != old
        indices, values = self.store.indices[moved], old[moved]
        # First the labels: at no time is there one without a class.
        self.write(indices, new_values[values])
        self._rewrites.add(self.classes, table, indices, values, new_values[values])
        self._use(table)
        if self.layer is not None:
            chosen = int(new_values[self.layer.selected_label % 256])
            self.layer.selected_label = min(chosen or label, len(table))

    def _labels(self) -> np.ndarray:
        assert self.layer is not None
        return np.asarray(image_array(self.layer))

    def _fits(self) -> bool:
        """Whether the layer has the shape that it had."""
        return self.layer is not None and self.store.shape == self._labels().shape

    def _renew_store(self) -> None:
        """Begin anew, with a layer or array that has not been read."""
        self._stop_look()
        self._unread = False
        old, self._data = self.store, None
        self.store = LabelStore((0,), old.revision)
        if self.layer is not None:
            labels = self._labels()
            self._data = self.layer.data
            self.store = LabelStore(labels.shape, old.revision)
            if labels.size > AT_ONCE:
                self._unread = True
                self._start_look()
            else:
                self.store.read_all(labels)
        if len(old) and self.store.revision == old.revision:
            self.store.revision += 1
        self.counts = self._counted()

    def _on_paint(self, event: Any) -> None:
        assert self.layer is not None
        painted = painted_voxels(event.value, self.layer.data.shape)
        if painted is None:
            self._unread = True
        else:
            self._tell(self.store.write(*painted))
            self._rewrites.outdate(self.store.labels_at)
        self._wait()

    def _on_drawn(self, event: Any) -> None:
        if not self._fits():
            return  # the `data` event comes next
        self._unread = True
        if self._rewrites:
            restored = self._rewrites.turned_back(self._labels())
            if restored is not None:
                self._use(restored)
                self.read_now()
        self._wait()

    def _on_data(self, event: Any) -> None:
        assert self.layer is not None
        if self.layer.data is self._data:
            self._on_drawn(event)
            return
        forget_history(self.layer)
        self._rewrites.forget()
        self._data = self.layer.data
        if self._fits():
            self._on_drawn(event)
            return
        self._renew_store()
        self.counted.emit(self.counts)
        self.layer_changed.emit()

    def _wait(self) -> None:
        """Look when nothing has happened for a while, but in the end in any case."""
        now = time.monotonic()
        if not self.settling:
            self._since = now
        if now - self._since < LONGEST_WAIT:
            self._stop_look()
            self._settled.start()

    def _start_look(self) -> None:
        self._looks.start(self._look())

    def _stop_look(self) -> None:
        self._settled.stop()
        if self._looks.busy:
            self._looks.stop()
            self._unread |= self._reading
            self._reading = False

    def _look(self) -> Iterator[None]:
        # Set anew when the layer is drawn again while it is being read.
        self._reading, self._unread = self._unread, False
        if self._reading:
            change = yield from self.store.scan(self._labels())
            self._reading = False
            self._tell(change)
            yield
        if self._uncounted:
            self._count()
        if self._unread:
            self._settled.start()

    def _tell(self, change: LabelChange | None) -> None:
        if change is not None:
            self._uncounted = True
            self.changed.emit(change)

    def _counted(self) -> Counts:
        return Counts.of(self.learned())

    def _count(self) -> None:
        self._uncounted = False
        self.counts = self._counted()
        self.counted.emit(self.counts)
