"""Controls made from the fields of a pydantic model."""

from typing import Any

from pydantic import BaseModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QSpinBox
from superqt import QLabeledDoubleSlider

from napari_sciml.bounds import bounds_of

LARGEST = 2**31 - 1


def whole_number(model: type[BaseModel], field: str, name: str = "") -> QSpinBox:
    """A box for whole numbers with bounds, default and help of the field."""
    low, high = bounds_of(model, field)
    box = QSpinBox()
    # A field may allow more than the 32 bits of the box.
    box.setRange(int(low or 0), LARGEST if high is None else min(LARGEST, int(high)))
    return _finish(box, model, field, name)


def number(model: type[BaseModel], field: str, suffix: str = "") -> QDoubleSpinBox:
    """A box for numbers from 1 on, with bounds, default and help of the field."""
    return _decimal(model, field, suffix, least=1.0, step=10.0, decimals=0)


def ratio(model: type[BaseModel], field: str, suffix: str) -> QDoubleSpinBox:
    """A box for small numbers with bounds, default and help of the field."""
    return _decimal(model, field, suffix, least=0.0, step=0.5, decimals=1)


def switch(model: type[BaseModel], field: str, text: str) -> QCheckBox:
    """A box to tick with default and help of the field."""
    box = QCheckBox(text)
    box.setChecked(model.model_fields[field].default)
    return _named(box, model, field, field)


def slider(
    model: type[BaseModel], field: str, name: str, *, largest: float
) -> QLabeledDoubleSlider:
    """A labeled slider with default and help of the field."""
    low, _ = bounds_of(model, field)
    made = QLabeledDoubleSlider()
    made.setOrientation(Qt.Orientation.Horizontal)
    made.setRange(float(low or 0), largest)
    made.setSingleStep(0.01)
    made.setDecimals(2)
    return _finish(made, model, field, name)


def _decimal(
    model: type[BaseModel],
    field: str,
    suffix: str,
    *,
    least: float,
    step: float,
    decimals: int,
) -> QDoubleSpinBox:
    low, high = bounds_of(model, field)
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(max(least, low or 0.0), LARGEST if high is None else high)
    box.setSingleStep(step)
    box.setSuffix(suffix)
    return _finish(box, model, field, "")


def _finish(control: Any, model: type[BaseModel], field: str, name: str) -> Any:
    default = model.model_fields[field].default
    if default is not None:
        control.setValue(default)
    return _named(control, model, field, name or field)


def _named(control: Any, model: type[BaseModel], field: str, name: str) -> Any:
    control.setObjectName(name)
    control.setToolTip(model.model_fields[field].description or "")
    return control
