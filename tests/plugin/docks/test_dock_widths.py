"""A dock that is opened alone shows all of what is in it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sciml.plugin.project.bar import ProjectBar

pytestmark = pytest.mark.gui
DOCKS = (
    *("Workflow", "Annotate", "Train", "Uncertainty", "Fibers"),
    *("Focus", "Fill", "Restore", "Explore"),
)
WIDE, NARROW = (1500, 950), (1280, 700)


@pytest.fixture
def shown_dock(make_napari_viewer_proxy, qtbot) -> Callable[..., Any]:
    """Open a dock alone, in a window that is on the screen."""

    def show(name: str, size: tuple[int, int]) -> Any:
        viewer = make_napari_viewer_proxy(show=True)
        viewer.window.resize(*size)
        image = np.zeros((12, 168, 168), np.float32)
        for z, y in ((1, 20), (5, 50), (8, 90)):
            image[z : z + 3, y : y + 3, 30 : 90 + y // 2] = 1
        viewer.add_image(image, name="An image with quite a long name")
        viewer.add_labels((image > 0).astype(np.uint8), name="A mask with a long name")
        dock = viewer.window.add_plugin_dock_widget("napari-sciml", name)[1]
        viewer.window.resize(*size)
        qtbot.waitUntil(dock.isVisible)
        return dock

    return show


def cut_off(dock: Any) -> list[str]:
    """What reaches beyond the right edge of what it lies in."""
    found = []
    for widget in seen(dock):
        parent = widget.parentWidget()
        edge = widget.geometry().right() + 1
        if edge > parent.width() or widget.x() < 0:
            name = widget.objectName() or type(widget).__name__
            found.append(f"{name}: {edge} of {parent.width()}")
    return found


def seen(widget: Any) -> Iterator[Any]:
    """What is laid out in a widget; not what a table or a plot scrolls."""
    from qtpy.QtWidgets import QAbstractScrollArea, QScrollArea, QWidget

    for child in widget.children():
        if not isinstance(child, QWidget) or not child.isVisible():
            continue
        yield child
        own = isinstance(child, QAbstractScrollArea)
        if not own or isinstance(child, QScrollArea):
            yield from seen(child)


def too_small(dock: Any) -> list[str]:
    """Buttons and boxes that are smaller than what they say."""
    from qtpy.QtWidgets import QAbstractButton, QComboBox

    controls = [x for x in seen(dock) if isinstance(x, QAbstractButton | QComboBox)]
    return [
        f"{x.objectName()}: {x.width()}, needs {x.minimumSizeHint().width()}"
        for x in controls
        if x.width() < x.minimumSizeHint().width()
    ]


def turn_wheel(control: Any) -> bool:
    """Turn it down over a control; tells whether the control took it for itself."""
    from qtpy.QtCore import QPoint, QPointF, Qt
    from qtpy.QtGui import QWheelEvent
    from qtpy.QtWidgets import QApplication

    middle = control.rect().center()
    event = QWheelEvent(
        QPointF(middle),
        QPointF(control.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control, event)
    return event.isAccepted()


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("name", DOCKS)
def test_nothing_is_cut_off(shown_dock, name, size, patience) -> None:
    dock = shown_dock(name, size)
    patience(lambda: not cut_off(dock))
    assert not too_small(dock)
    assert dock.width() < 400


def test_nor_with_fibers(shown_dock, patience) -> None:
    dock = shown_dock("Fibers", WIDE)
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    patience(lambda: "\N{EN DASH}" in dock.plots.numbers.text())  # with intervals
    for page in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(page)
        patience(lambda: not cut_off(dock))
        assert not too_small(dock)
    # The table of means is one that does not wrap.
    numbers = dock.plots.numbers
    assert numbers.width() >= numbers.minimumSizeHint().width()


def test_nor_with_tiles(shown_dock, patience) -> None:
    from qtpy.QtCore import Qt

    dock = shown_dock("Focus", WIDE)
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    header, model = dock.table.horizontalHeader(), dock.table.model()
    for column in (-1, model.columnCount() - 1, 0):
        dock.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        patience(lambda: not cut_off(dock))
        patience(lambda: dock.table.horizontalScrollBar().maximum() == 0)
        for section in range(model.columnCount()):
            text = model.headerData(section, Qt.Orientation.Horizontal)
            width = header.fontMetrics().horizontalAdvance(text)
            arrow = 16 if section == column else 0
            assert header.sectionSize(section) >= width + arrow + 8


def test_a_low_window_scrolls_and_the_wheel_changes_no_number(
    shown_dock, qtbot
) -> None:
    from qtpy.QtWidgets import QScrollArea
    from superqt import QCollapsible

    dock = shown_dock("Train", (1280, 500))
    dock.findChild(QCollapsible, "more_settings").expand(animate=False)
    bar = dock.findChild(QScrollArea).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert dock.window().height() < 600
    before = dock.members.value()
    assert not turn_wheel(dock.members)
    assert dock.members.value() == before
    turn_wheel(dock.findChild(QScrollArea).viewport())
    assert bar.value() > 0
    dock.window().activateWindow()
    dock.members.setFocus()
    qtbot.waitUntil(dock.members.hasFocus)
    turn_wheel(dock.members)
    assert dock.members.value() == before - 1


def test_lines_below_are_whole_in_docks_that_share_a_column(shown_dock, qtbot) -> None:
    first = shown_dock("Annotate", NARROW)
    window = first.session.workspace.viewer.window
    other = window.add_plugin_dock_widget("napari-sciml", "Uncertainty")[0]
    bar = first.findChild(ProjectBar)
    bar._tick.stop()
    bar.status.setText("Recover 40 strokes and 3 models from Nov 30, 19:05? " * 2)
    docks = first.parentWidget(), other
    window._qt_window.resizeDocks(docks, (1, 2000), Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: first.height() < 300)
    line = bar.status
    qtbot.waitUntil(lambda: line.height() >= line.heightForWidth(line.width()))
    assert bar.geometry().bottom() < first.height()
