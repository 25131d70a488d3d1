"""One row that says what the axes of an image are, where its reader did not."""

import re
import weakref
from typing import ClassVar

from napari.layers import Image
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.layers.axes import PLANE, long_axes

AS_THEY_ARE = "as they are"
READINGS = {3: ("zyx", "tyx", "cyx"), 4: ("czyx", "ctyx", "tzyx"), 5: ("ctzyx",)}
"""Sensible names, by the number of axes that are longer than 1."""
WORDS = {"c": "channels", "t": "time"}
UNNAMED = re.compile(r"(axis )?-?\d+")
"""What napari calls an axis that nobody has named."""

Labels = tuple[str, ...]


class AxesRow(QComboBox):
    """Offers names for the axes of an image, and sets ``layer.axis_labels``.

    It is hidden where the axes have names, or are those of a picture. The first entry
    puts the labels back that the layer came with.
    """

    _came_with: ClassVar[weakref.WeakKeyDictionary[Image, Labels]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("axes")
        self.setToolTip(
            "What the axes of the image are: its file does not say. Of channels, all "
            "are looked at together; of a time series, each frame by itself."
        )
        self.setMinimumContentsLength(12)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self._layer: weakref.ref[Image] | None = None
        self._offered: list[Labels] = []
        self._label: QWidget | None = None
        self._wiring = Connections()
        self.destroyed.connect(self._wiring.close)
        self.activated.connect(self._on_activated)

    def belongs_to(self, form: QFormLayout) -> None:
        """Take the label of this row in a form along when it is hidden."""
        self._label = form.labelForField(self)
        self.follow(None)

    def follow(self, layer: Image | None) -> None:
        """Offer what the axes of an image may be."""
        self._wiring.close()
        self._layer = None if layer is None else weakref.ref(layer)
        self._refill()
        if layer is not None:
            self._wiring.connect(layer.events.axis_labels, self._refill)
            self._wiring.connect(layer.events.data, self._refill)

    def _refill(self, event: object = None) -> None:
        layer = None if self._layer is None else self._layer()
        self.clear()
        self._offered = [] if layer is None else self._readings(layer)
        several = len(self._offered) > 1
        for widget in (self, self._label):
            if widget is not None:
                widget.setVisible(several)
        if layer is None or not several:
            return
        kept = long_axes(layer)
        self.addItem(AS_THEY_ARE)
        for names in self._offered[1:]:
            words = (WORDS.get(names[axis], names[axis]) for axis in kept)
            self.addItem(", ".join(words))
        shown = tuple(layer.axis_labels)
        if shown in self._offered:
            self.setCurrentIndex(self._offered.index(shown))

    def _readings(self, layer: Image) -> list[Labels]:
        """Labels that the layer came with, and the ones that it may have."""
        now = tuple(layer.axis_labels)
        before = self._came_with.get(layer, now)
        kept = long_axes(layer)
        if len(before) != layer.ndim or not _without_names(before, kept):
            return []
        found = [before]
        for reading in READINGS.get(len(kept), ()):
            given = dict(zip(kept, reading, strict=True))
            fits = all(_fits(before[axis], name) for axis, name in given.items())
            if fits and not (layer.rgb and "c" in reading):
                named = (given.get(axis, label) for axis, label in enumerate(before))
                found.append(tuple(named))
        if now in found:
            return found
        self._came_with.pop(layer, None)  # someone has named them by hand
        return []

    def _on_activated(self, index: int) -> None:
        layer = None if self._layer is None else self._layer()
        if layer is not None:
            self._came_with.setdefault(layer, tuple(layer.axis_labels))
            layer.axis_labels = self._offered[index]


def _without_names(labels: Labels, kept: list[int]) -> bool:
    """Whether an axis before those of the plane has no name."""
    return any(UNNAMED.fullmatch(labels[axis]) for axis in kept[:-PLANE])


def _fits(label: str, name: str) -> bool:
    return bool(UNNAMED.fullmatch(label)) or label.strip().lower() == name
