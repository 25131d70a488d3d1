"""Image and result in turn, and the contour at the threshold."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

pytestmark = pytest.mark.gui
RESULTS = ("Probability fiber", "Uncertainty", "Confident fiber")


@pytest.fixture
def dock(trained, open_dock, patience):
    made = open_dock("Uncertainty")
    made.keep.click()
    patience(lambda: trained.sure.complete)
    return made


def seen(viewer) -> list[bool]:
    return [viewer.layers[name].visible for name in RESULTS]


def press(qtbot, dock) -> None:
    qtbot.mouseClick(dock.blink, Qt.MouseButton.LeftButton)


def test_blinks_and_leaves_all_as_it_was(dock, viewer, qtbot, patience) -> None:
    viewer.layers["Uncertainty"].visible = False
    press(qtbot, dock)
    assert seen(viewer) == [False, False, False]
    assert viewer.layers["Annotation"].visible
    assert dock.blink.isChecked()
    patience(lambda: seen(viewer) == [True, False, True])
    patience(lambda: seen(viewer) == [False, False, False])
    press(qtbot, dock)
    assert seen(viewer) == [True, False, True]
    assert not dock.blink.isChecked()


@pytest.mark.parametrize("what", ["hide", "space", "clear"])
def test_ends_with_the_view(dock, viewer, trained, qtbot, patience, what) -> None:
    press(qtbot, dock)
    if what == "hide":
        dock.hide()
    elif what == "space":
        viewer.dims.ndisplay = 3
    else:
        viewer.layers.clear()
    patience(lambda: not trained.blink.running)
    if what != "clear":
        assert seen(viewer) == [True, True, True]


def test_nothing_to_blink(dock, viewer, trained, qtbot) -> None:
    for name in RESULTS:
        viewer.layers[name].visible = False
    press(qtbot, dock)
    assert not dock.blink.isChecked()
    assert seen(viewer) == [False, False, False]


def test_all_deleted_while_it_blinks(dock, viewer, trained, qtbot, patience) -> None:
    press(qtbot, dock)
    for name in RESULTS:
        del viewer.layers[name]
    patience(lambda: not trained.blink.running)
    assert not dock.blink.isChecked()


def test_contour_is_the_rim_of_the_mask(dock, viewer, trained) -> None:
    layer = viewer.layers["Confident fiber"]
    assert layer.contour == 0
    viewer.dims.set_point(0, 3 * 6)
    whole = np.asarray(layer._slice.image.view) > 0
    dock.contour.click()
    rim = np.asarray(layer._slice.image.view) > 0
    assert (layer.contour, layer.opacity) == (1, 1.0)
    assert 0 < rim.sum() < whole.sum()
    np.testing.assert_array_equal(layer.data[6] > 0, whole)  # the mask is the same
    dock.t.setValue(0.8)
    assert layer.contour == 1
    # What is predicted would fill it.
    assert seen(viewer) == [False, False, True]
    dock.contour.click()
    assert seen(viewer) == [True, True, True]
    assert layer.contour == 0
    assert layer.opacity < 1


def test_contour_brings_the_mask(trained, open_dock, viewer) -> None:
    dock = open_dock("Uncertainty")
    assert "Confident fiber" not in viewer.layers
    dock.contour.click()
    layer = viewer.layers["Confident fiber"]
    assert layer.visible
    assert layer.contour == 1


def test_gray_until_something_is_predicted(session, open_dock) -> None:
    dock = open_dock("Uncertainty")
    for control in (dock.contour, dock.blink):
        assert not control.isEnabled()
        assert "train first" in control.toolTip()
