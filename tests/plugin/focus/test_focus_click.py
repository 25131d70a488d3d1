"""A click on a tile in the image selects its row."""

import numpy as np
import pytest

pytestmark = pytest.mark.gui
SCALE, AT = (3, 2, 2), (6, 10, 20)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, open_dock, focus_stack, patience, qtbot):
    viewer.window._qt_window.resize(1200, 800)
    viewer.add_image(focus_stack, scale=SCALE, translate=AT)
    made = open_dock("Focus")
    made.rate.click()
    patience(lambda: not made.session.focus.busy)
    viewer.reset_view()
    qtbot.wait(50)
    return made


@pytest.fixture
def click(click_world):
    """Click a pixel (y, x) of the shown plane."""

    def click_at(y: float, x: float, drag: int = 0) -> None:
        click_world(np.array([y, x]) * SCALE[1:] + AT[1:], drag=drag)

    return click_at


def chosen(dock) -> list[tuple[int, ...]]:
    rows = dock.table.selectionModel().selectedRows()
    return [dock.table.model().tile(index.row()) for index in rows]


def test_a_click_on_a_tile_selects_its_row(dock, viewer, click) -> None:
    from qtpy.QtCore import Qt

    before = viewer.scene.camera.center
    click(40, 120)
    assert chosen(dock) == [(2, 0, 1)]
    np.testing.assert_array_equal(viewer.layers["Focus"].edge_color[1], 1)
    assert viewer.scene.camera.center == before  # what is clicked is seen already
    dock.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    click(120, 40)
    assert chosen(dock) == [(2, 1, 0)]
    assert dock.table.visualRect(dock.table.currentIndex()).top() >= 0
    viewer.dims.set_point(0, AT[0] + 4 * SCALE[0])
    click(120, 120)
    assert chosen(dock) == [(4, 1, 1)]


def test_other_clicks_select_nothing(dock, viewer, click, qtbot) -> None:
    click(40, 120)
    click(120, 40, drag=40)  # this pans
    assert chosen(dock) == [(2, 0, 1)]
    viewer.reset_view()
    qtbot.wait(50)
    click(120, 169)  # beside the image
    assert chosen(dock) == [(2, 0, 1)]
    viewer.layers["Focus"].visible = False
    click(120, 40)
    assert chosen(dock) == [(2, 0, 1)]


def test_nor_do_strokes(dock, viewer, click) -> None:
    mask = viewer.layers["Out of focus"]
    viewer.layers.selection.active = mask
    mask.mode = "paint"
    click(40, 120)
    assert not chosen(dock)


def test_clicks_work_after_the_dock_was_closed(
    dock, viewer, open_dock, click, qtbot
) -> None:
    window = viewer.window
    window.remove_dock_widget(dock)
    qtbot.wait(50)
    again = open_dock("Focus")
    viewer.reset_view()
    qtbot.wait(50)
    click(40, 120)
    assert chosen(again) == [(2, 0, 1)]
