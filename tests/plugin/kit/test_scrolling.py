"""A column that scrolls to a control before there is room below it."""

import pytest
from qtpy.QtWidgets import QAbstractSlider, QLabel

from napari_sciml.plugin.kit.widgets.scrolling import ScrollingColumn

pytestmark = pytest.mark.gui
HEIGHT = 300


def block(height: int) -> QLabel:
    made = QLabel("block")
    made.setFixedHeight(height)
    return made


@pytest.fixture
def column(qtbot):
    """Half of it above a control, and next to nothing below."""
    made = ScrollingColumn()
    qtbot.addWidget(made)
    made.above, made.control, made.below = block(HEIGHT), block(20), block(2 * HEIGHT)
    for widget in (made.above, made.control, made.below):
        made.column.addWidget(widget)
    made.below.hide()
    made.resize(200, HEIGHT)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_it_goes_on_as_there_is_more(column, qtbot) -> None:
    column.begin_with(column.control)
    bar = column.verticalScrollBar()
    assert bar.value() == bar.maximum() < column.control.y()
    column.below.show()
    qtbot.waitUntil(lambda: bar.value() == column.control.y())
    bar.setValue(0)
    column.column.addWidget(block(HEIGHT))
    high = bar.maximum()
    qtbot.waitUntil(lambda: bar.maximum() > high)
    assert bar.value() == 0  # it was there: done with


def test_who_scrolls_is_left_alone(column, qtbot) -> None:
    column.begin_with(column.control)
    bar = column.verticalScrollBar()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMinimum)
    high = bar.maximum()
    column.below.show()
    qtbot.waitUntil(lambda: bar.maximum() > high)
    assert bar.value() == 0
