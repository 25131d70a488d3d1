"""The Fill dock: find gaps, fill, look, write."""

import numpy as np
import pytest

from scattering import CENTER, module_gaps, pattern, with_gaps

pytestmark = pytest.mark.gui
FILLED, STD = "Filled saxs", "Uncertainty of filling"
POINT = "Center of the pattern"


@pytest.fixture
def image():
    return with_gaps(pattern()[0], module_gaps())


@pytest.fixture
def dock(viewer, open_dock, image):
    viewer.add_image(image, name="saxs", scale=(2, 2))
    found = open_dock("Fill")
    found.method.setCurrentText("Symmetry")
    return found


@pytest.fixture
def press(patience):
    def on(control, dock):
        control.click()
        patience(lambda: not dock.session.filling.doing)

    return on


def test_finds_gaps_fills_and_tells_what_that_is_worth(viewer, dock, press, image):
    press(dock.find, dock)
    gaps = viewer.layers["Gaps"]
    assert np.array_equal(gaps.data != 0, module_gaps())
    assert dock.mask.layer.name == gaps.name
    press(dock.fill, dock)
    assert dock.error.text() == ""
    assert "CC7" in dock.verdict.text()
    filled = viewer.layers[FILLED]
    assert np.array_equal(filled.scale, (2, 2))
    known = ~module_gaps()
    assert np.array_equal(filled.data[known], image[known])
    assert (filled.data[~known] > 0).all()
    assert ((viewer.layers[STD].data > 0) == ~known).all()
    assert np.array_equal(viewer.layers["saxs"].data, image)
    assert np.abs(viewer.layers[POINT].data[0] - CENTER).max() < 0.5


def test_what_the_user_paints_is_filled_too(viewer, dock, press):
    press(dock.find, dock)
    viewer.layers["Gaps"].data[50:60, 20:30] = 1
    press(dock.fill, dock)
    assert (viewer.layers[STD].data[50:60, 20:30] > 0).all()


def test_a_center_that_is_dragged_is_taken(viewer, dock, press):
    press(dock.fill, dock)
    viewer.layers[POINT].data = np.array([[70.0, 99.0]])
    press(dock.fill, dock)
    assert dock.session.filling.result.center == (70.0, 99.0)


def test_an_image_without_gaps_is_one_sentence(viewer, open_dock, press):
    viewer.add_image(pattern()[0], name="whole")
    dock = open_dock("Fill")
    press(dock.fill, dock)
    assert "no gap" in dock.error.text()
    assert len(viewer.layers) == 1


def test_it_can_be_stopped(viewer, dock, patience):
    dock.method.setCurrentText("Network")
    dock.seconds.setValue(1000)
    dock.fill.click()
    patience(lambda: dock.session.filling.step.doing == "training")
    assert dock.fill.text() == "Stop"
    dock.fill.click()
    patience(lambda: not dock.session.filling.doing)
    assert dock.status.text() == "Stopped."
    assert FILLED not in viewer.layers


def test_results_are_written(dock, press, patience, tmp_path):
    press(dock.fill, dock)
    dock.export_to(tmp_path / "filled")
    patience(lambda: not dock.session.filling.doing)
    assert dock.error.text() == ""
    assert (tmp_path / "filled" / "profile.csv").is_file()
