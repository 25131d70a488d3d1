"""Where to label next, in a real window."""

import numpy as np
import pytest

from napari_sciml.plugin.state.prediction_volume import PredictionVolume
from napari_sciml.plugin.uncertainty.guide import LOOK_HERE, NOTHING_LEFT

pytestmark = pytest.mark.gui

SHAPE = (40, 96, 96)


@pytest.fixture
def disputed(viewer, open_dock):
    """A prediction with two disputed balls, the first one more so."""
    place = {"scale": (3, 2, 2), "units": ("um",) * 3, "translate": (5, 6, 7)}
    viewer.add_image(np.zeros(SHAPE, np.float32), name="image", **place)
    viewer.add_labels(np.zeros(SHAPE, np.uint8), name="Annotation", **place)
    dock = open_dock("Uncertainty")
    volume = PredictionVolume(SHAPE, ("background", "fiber"))
    grid = np.indices(SHAPE)
    for center, value in (((20, 24, 24), 0.9), ((20, 72, 72), 0.6)):
        near = sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) < 49
        volume.mutual_information[near] = value
    volume.known[...] = True
    dock.session.prediction.probabilities = volume
    return dock


def test_goes_to_the_most_disputed_place_then_to_the_next(
    disputed, viewer, patience
) -> None:
    session, guide = disputed.session, disputed.session.guide
    session.workspace.start_annotating()
    disputed.show_next.click()
    patience(lambda: guide.spot is not None)
    assert np.linalg.norm(np.subtract(guide.spot.center, (20, 24, 24))) < 12
    mark = viewer.layers[LOOK_HERE]
    begin = np.array([part.start for part in guide.spot.region]) - 0.5
    end = np.array([part.stop for part in guide.spot.region]) - 0.5
    last = np.array(mark.data.shape) - 0.5
    for mine, its in ((-0.5 * np.ones(3), begin), (last, end)):
        world = its * (3, 2, 2) + (5, 6, 7)
        np.testing.assert_allclose(mark.data_to_world(mine), world)
    assert viewer.dims.point[0] == pytest.approx(5 + 3 * guide.spot.center[0])
    assert viewer.layers.selection.active == session.workspace.annotation.layer
    assert session.workspace.annotation.layer.mode == "paint"
    assert "Place 1" in disputed.guidance.text()
    disputed.dismiss.click()
    patience(lambda: not guide.searching)
    assert np.linalg.norm(np.subtract(guide.spot.center, (20, 72, 72))) < 12
    disputed.dismiss.click()
    patience(lambda: not guide.searching)
    assert disputed.guidance.text() == NOTHING_LEFT
    assert LOOK_HERE not in viewer.layers
    # Or the tiles of the Focus dock could have no borders any more.
    assert not session.workspace.layers.shapes_lost


def test_what_to_do_there_is_seen_without_scrolling(disputed, viewer, patience) -> None:
    viewer.window.show()
    viewer.window.resize(900, 500)
    disputed.session.workspace.start_annotating()
    assert disputed.area.verticalScrollBar().maximum() > 0
    disputed.show_next.click()
    patience(lambda: disputed.session.guide.spot is not None)

    def whole() -> bool:
        words = disputed.guidance
        return words.visibleRegion().boundingRect().height() == words.height()

    patience(whole)


def test_a_stroke_there_takes_the_mark_away(disputed, viewer, patience) -> None:
    session = disputed.session
    disputed.show_next.click()
    patience(lambda: session.guide.spot is not None)
    z, y, x = session.guide.spot.center
    session.workspace.annotation.layer.data_setitem(
        tuple(np.array([[z, z], [y, y], [x, x + 1]])), 2
    )
    patience(lambda: LOOK_HERE not in viewer.layers)
    assert session.guide.spot is None
    disputed.show_next.click()
    patience(lambda: session.guide.spot is not None)
    assert np.linalg.norm(np.subtract(session.guide.spot.center, (20, 72, 72))) < 12


def test_says_when_nothing_is_predicted(viewer, open_dock) -> None:
    dock = open_dock("Uncertainty")
    dock.show_next.click()
    assert "Nothing is predicted yet" in dock.guidance.text()
