"""Sliders that hide fibers."""

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleRangeSlider

from napari_sciml.fibers.report.filtering import (
    COLUMNS,
    FiberFilter,
    Range,
    filter_units,
    filtered_values,
)
from napari_sciml.plugin.fibers.view import FiberView
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import button

NAMES = (*COLUMNS, "angle")
AXES = ("z", "y", "x")


class FiberFilters(QWidget):
    """A slider with two handles for each measure, and which fibers they keep.

    Parameters
    ----------
    view
        Gets the filter.
    """

    changed = Signal()

    def __init__(self, view: FiberView) -> None:
        super().__init__()
        self.setObjectName("fiber_filters")
        self._view = view
        self.sliders = {name: _slider(name) for name in NAMES}
        self.axis = QComboBox()
        self.axis.setObjectName("filter_axis")
        self.axis.addItems([f"Angle to {axis} (°)" for axis in AXES])
        self.axis.setToolTip("Axis that the angle is measured from.")
        self._captions = {name: QLabel() for name in COLUMNS}
        self.whole = QCheckBox("Whole fibers only")
        self.whole.setObjectName("filter_whole")
        self.whole.setToolTip(str(FiberFilter.model_fields["whole"].description))
        self.clear = button("clear_filters", "Show all", "Take all limits away.")
        self._lay_out()
        for slider in self.sliders.values():
            slider.valueChanged.connect(self._on_moved)
        self.axis.currentIndexChanged.connect(self._on_moved)
        self.whole.toggled.connect(self._on_moved)
        self.clear.clicked.connect(self.show_all)
        self._wiring = Connections()
        self._wiring.connect(view.renewed, self.follow)
        self.destroyed.connect(self._wiring.close)
        self._unit, self._ndim = "pixel", 3
        self._ends = {name: _fit(self.sliders[name], 0.0, 90.0) for name in NAMES}
        self.follow()

    def set_units(self, unit: str, ndim: int) -> None:
        """Tell the unit of length, and whether it is an image."""
        if (unit, ndim) == (self._unit, self._ndim):
            return
        self._unit, self._ndim = unit, ndim
        self._caption()
        # In an image, the angle to z is 90 degrees for all.
        flat = ndim == 2
        self.axis.model().item(0).setEnabled(not flat)
        if flat and self.axis.currentIndex() == 0:
            self.axis.setCurrentIndex(len(AXES) - 1)

    def follow(self) -> None:
        """Fit the sliders to the fibers; a handle at an end stays at the end."""
        self._caption()
        for name, caption in self._captions.items():
            values = self._values(name)
            known = bool(values.size)
            caption.setVisible(known)
            self.sliders[name].setVisible(known)
            if known:
                self._ends[name] = _fit(
                    self.sliders[name], float(values.min()), float(values.max())
                )
        self._view.keep(self.filter)

    def show_all(self) -> None:
        """Take all limits away."""
        for slider in self.sliders.values():
            slider.blockSignals(True)
            slider.setValue((slider.minimum(), slider.maximum()))
            slider.blockSignals(False)
        self.whole.setChecked(False)
        self._on_moved()

    @property
    def filter(self) -> FiberFilter:
        """What the sliders say."""
        limits: dict[str, object] = {}
        for name, slider in self.sliders.items():
            chosen = _limits(slider, self._ends[name])
            if chosen is not None and not slider.isHidden():
                limits[name] = chosen
        axis = AXES[self.axis.currentIndex()]
        return FiberFilter(**limits, axis=axis, whole=self.whole.isChecked())

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(2)
        # Beside a long name, the numbers would leave nothing of a slider.
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        for name, caption in self._captions.items():
            form.addRow(caption, self.sliders[name])
        form.addRow(self.axis, self.sliders["angle"])
        last = QHBoxLayout()
        last.addWidget(self.whole, stretch=1)
        last.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addLayout(form)
        column.addLayout(last)
        column.addStretch()

    def _caption(self) -> None:
        units = filter_units(self._unit, self._ndim)
        for name, label in self._captions.items():
            unit = f" ({units[name]})" if units[name] else ""
            what = "area" if name == "volume" and self._ndim == 2 else name
            label.setText(f"{what.capitalize()}{unit}")

    def _values(self, name: str) -> np.ndarray:
        table = self._view.table
        if not len(table):
            return np.zeros(0)
        values = filtered_values(table, name)
        return values[np.isfinite(values)]

    def _on_moved(self, value: object = None) -> None:
        self._view.keep(self.filter)
        self.changed.emit()


def _slider(name: str) -> QLabeledDoubleRangeSlider:
    slider = QLabeledDoubleRangeSlider(Qt.Orientation.Horizontal)
    slider.setObjectName(f"filter_{name}")
    slider.setToolTip(str(FiberFilter.model_fields[name].description))
    slider.setHandleLabelPosition(QLabeledDoubleRangeSlider.LabelPosition.NoLabel)
    slider.setEdgeLabelMode(QLabeledDoubleRangeSlider.EdgeLabelMode.LabelIsValue)
    slider.setValue((slider.minimum(), slider.maximum()))
    return slider


def _limits(slider: QLabeledDoubleRangeSlider, ends: Range) -> Range | None:
    """What a slider lets pass; None where both handles are at the ends.

    The slider itself is not exact: a handle at the end could leave out the last fiber.
    """
    low, high = slider.value()
    near = 1e-6 * (ends[1] - ends[0])
    at_low, at_high = low <= ends[0] + near, high >= ends[1] - near
    if at_low and at_high:
        return None
    return (ends[0] if at_low else low, ends[1] if at_high else high)


def _fit(slider: QLabeledDoubleRangeSlider, low: float, high: float) -> Range:
    """Set the range, rounded outwards so that the ends leave nothing out; tell it."""
    span = max(high - low, 1e-9 * max(abs(high), 1.0))
    digits = int(np.clip(2 - np.floor(np.log10(span)), 0, 9))
    step = 10.0**-digits
    low, high = np.floor(low / step) * step, np.ceil(high / step) * step
    high = max(high, low + step)
    old_low, old_high = slider.value()
    at_low, at_high = old_low <= slider.minimum(), old_high >= slider.maximum()
    slider.blockSignals(True)
    slider.setDecimals(digits)
    slider.setRange(low, high)
    slider.setValue((low if at_low else old_low, high if at_high else old_high))
    slider.blockSignals(False)
    return float(low), float(high)
