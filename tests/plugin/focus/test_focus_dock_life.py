"""The Focus dock when things go wrong, or away."""

import numpy as np
import pytest

pytestmark = pytest.mark.gui


@pytest.fixture
def big(viewer):
    """A stack that takes some seconds, so that something can happen meanwhile."""
    noise = np.random.default_rng(0).poisson(200, (2, 1500, 1500)).astype(np.uint16)
    return viewer.add_image(np.tile(noise, (20, 1, 1)), name="big")


@pytest.fixture
def rating(big, open_dock, patience):
    """The dock while it rates."""
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: dock.session.focus.progress.fraction > 0)
    return dock


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (None, "There is no image"),
        (np.zeros((50, 200), np.uint16), "smaller than a tile of 84"),
        (np.zeros((2, 2, 100, 100), np.uint16), "has 4 axes"),
    ],
    ids=["none", "small", "4D"],
)
def test_what_cannot_be_rated(viewer, open_dock, patience, image, sentence) -> None:
    if image is not None:
        viewer.add_image(image)
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: bool(dock.error.text()))
    assert sentence in dock.error.text()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.rate.text() == "Rate focus"
    assert dock.session.focus.result is None


@pytest.mark.parametrize(
    "image",
    [np.full((168, 168), 7.0, np.float32), np.full((168, 168), np.nan, np.float32)],
    ids=["constant", "nan"],
)
def test_nothing_to_see(viewer, open_dock, patience, image) -> None:
    viewer.add_image(image, contrast_limits=(0, 1))
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    assert dock.verdict.text() == "Undetermined: nothing to see in this image."
    assert not viewer.layers["Out of focus"].data.any()


def test_a_stack_of_nothing(viewer, open_dock, patience) -> None:
    viewer.add_image(np.zeros((3, 84, 84), np.uint8), contrast_limits=(0, 1))
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    assert dock.verdict.text() == "Undetermined: nothing to see in this stack."
    dock.table.selectRow(1)
    assert viewer.dims.current_step[0] == 1


def test_progress_and_stop(rating, patience, viewer) -> None:
    assert rating.rate.text() == "Stop"
    assert rating.bar.isVisibleTo(rating)
    patience(lambda: "left" in rating.status.text())
    assert rating.status.text().startswith("Rated ")
    rating.rate.click()
    patience(lambda: not rating.session.workspace.measuring.busy)
    assert rating.rate.text() == "Rate focus"
    assert rating.status.text() == "Stopped."
    assert rating.session.focus.result is None
    assert [layer.name for layer in viewer.layers] == ["big"]


def test_the_image_is_deleted_while_it_is_rated(rating, viewer, big, patience) -> None:
    viewer.layers.remove("big")
    patience(lambda: not rating.session.workspace.measuring.busy)
    assert "the rating was stopped" in rating.error.text()
    assert not viewer.layers
    assert rating.rate.text() == "Rate focus"


def test_the_image_is_renamed_while_it_is_rated(viewer, open_dock, patience) -> None:
    image = np.random.default_rng(0).poisson(200, (4, 500, 500)).astype(np.uint16)
    layer = viewer.add_image(image, name="before")
    dock = open_dock("Focus")
    dock.rate.click()
    layer.name = "after"
    patience(lambda: not dock.session.focus.busy)
    assert dock.error.text() == ""
    assert "Focus" in viewer.layers
    assert dock.image.currentText() == "after"


def test_the_array_is_replaced_while_it_is_rated(viewer, open_dock, patience) -> None:
    layer = viewer.add_image(np.zeros((4, 300, 300), np.uint8), contrast_limits=(0, 1))
    dock = open_dock("Focus")
    dock.rate.click()
    layer.data = np.zeros((4, 100, 100), np.uint8)
    patience(lambda: not dock.session.focus.busy)
    assert "the rating was stopped" in dock.error.text()
    assert len(viewer.layers) == 1


def test_one_job_at_a_time(rating, tmp_path) -> None:
    with pytest.raises(ValueError, match="Another job is still running"):
        rating.session.focus.load(tmp_path)


def test_the_dock_is_closed_while_it_rates(rating, viewer, patience) -> None:
    session = rating.session
    viewer.window.remove_dock_widget("all")
    patience(lambda: not session.workspace.measuring.busy)


def test_the_viewer_is_closed_while_it_rates(rating, viewer, patience) -> None:
    session = rating.session
    viewer.close()
    patience(lambda: not session.workspace.measuring.busy)


def test_deleted_layers_do_no_harm(viewer, open_dock, patience, focus_stack) -> None:
    viewer.add_image(focus_stack, name="stack")
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    for name in ("Focus", "Out of focus", "Focus certainty"):
        viewer.layers.remove(name)
    dock.table.selectRow(3)
    viewer.dims.set_current_step(0, 1)
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    assert viewer.layers["Focus"].rgb  # napari may crash at a second Shapes layer
    viewer.layers.remove("stack")
    assert dock.verdict.text() == "Nothing is rated yet."
    viewer.dims.set_current_step(0, 3)


def test_another_image_clears_the_table(
    viewer, open_dock, patience, focus_stack
) -> None:
    viewer.add_image(focus_stack, name="stack")
    other = viewer.add_image(focus_stack[0], name="plane")
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    dock.session.workspace.choose_image(other)
    assert dock.table.model().rowCount() == 0
    assert dock.verdict.text() == "Nothing is rated yet."
    assert not dock.export.isEnabled()


def test_seen_from_the_side_the_borders_step_aside(
    viewer, open_dock, patience, focus_stack
) -> None:
    viewer.add_image(focus_stack)
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    borders = viewer.layers["Focus"]
    viewer.dims.order = (1, 0, 2)
    patience(lambda: not borders.visible)
    viewer.dims.order = (0, 1, 2)
    patience(lambda: borders.visible)
    viewer.dims.ndisplay = 3
    patience(lambda: not borders.visible)
    viewer.dims.ndisplay = 2
    patience(lambda: borders.visible)
