"""The labels that the user paints, with a revision number."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.errors import InputError
from napari_sciml.widgets.colors import MAX_CLASSES
from napari_sciml.widgets.counting import Counts, count_annotation
from napari_sciml.widgets.wiring import Wiring

SETTLE_MS = 200


class Annotation:
    """A Labels layer, its classes, and how often it has changed.

    A stroke raises the revision at once. Undo, redo and what plugins write give
    no event of their own, only that the layer was drawn anew: then the labels are
    compared with what they were, once they are at rest.
    """

    layer_changed = Signal()
    classes_changed = Signal()
    counted = Signal(Counts)

    def __init__(self) -> None:
        self.layer: Labels | None = None
        self.class_names: tuple[str, ...] = DEFAULT_CLASSES
        self.revision = 0
        self.counts = Counts()
        self._wiring = Wiring()
        self._painted = False
        self._checksum = 0
        self._settled = QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLE_MS)
        self._settled.timeout.connect(self.look_again)

    @property
    def settling(self) -> bool:
        """Whether counts and revision may lag behind what is painted."""
        return self._settled.isActive()

    def follow(self, layer: Labels | None) -> None:
        """Watch another layer, or none."""
        if layer is self.layer:
            return
        self._wiring.close()
        self.layer = layer
        if layer is not None:
            self.class_names = _names_of(layer, self.class_names)
            self._wiring.connect(layer.events.paint, self._on_paint)
            self._wiring.connect(layer.events.set_data, self._on_maybe_changed)
            self._wiring.connect(layer.events.data, self._on_maybe_changed)
        self.classes_changed.emit()
        self.look_again()
        self.layer_changed.emit()

    def snapshot(self) -> np.ndarray:
        """A uint8 copy of the labels, for a job.

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
        labels = np.asarray(self.layer.data)
        highest = int(labels.max(initial=0))
        if highest > len(self.class_names):
            raise InputError(
                f"The annotation holds the value {highest}, but there are only "
                f"{len(self.class_names)} classes: add a class in the Annotate dock."
            )
        return labels.astype(np.uint8)

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

    def _on_paint(self, event: Any) -> None:
        self.revision += 1
        self._painted = True
        self._settled.start()

    def _on_maybe_changed(self, event: Any) -> None:
        self._settled.start()

    def look_again(self) -> None:
        """Count, and find out whether the labels are still the same."""
        self._settled.stop()
        labels = None if self.layer is None else np.asarray(self.layer.data)
        checksum = 0 if labels is None or not labels.any() else _checksum(labels)
        if checksum != self._checksum and not self._painted:
            self.revision += 1
        # Scrolling draws the layer anew too: counting is for labels that have changed.
        if checksum != self._checksum:
            self.counts = Counts() if labels is None else count_annotation(labels)
        self._checksum, self._painted = checksum, False
        self.counted.emit(self.counts)


def _checksum(labels: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(labels).data)


def _names_of(layer: Labels, default: Sequence[str]) -> tuple[str, ...]:
    names = layer.metadata.get("class_names", default)
    return tuple(str(name) for name in names)[:MAX_CLASSES]
