"""Strokes that the others speak against are found, shown and mended."""

import numpy as np
import pytest

from napari_sciml.workflows.validation import others

pytestmark = pytest.mark.gui

SHAPE = (200, 90)
ROWS = (10, 30, 50, 70, 90, 110, 130, 150, 170)
WRONG = 110
"""The bar of this row is painted as background."""


def bars() -> tuple[np.ndarray, np.ndarray]:
    """Nine bright bars; strokes on all of them, one of the wrong class."""
    image = np.random.default_rng(3).normal(100, 8, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    for row in ROWS:
        image[row : row + 8] += 80
        labels[row + 3 : row + 5, 10:70] = 1 if row == WRONG else 2
        labels[row + 13 : row + 15, 10:70] = 1
    return image.astype(np.float32), labels


@pytest.fixture
def dock(viewer, open_dock, monkeypatch):
    monkeypatch.setattr(others, "SECONDS", 1.0)
    image, labels = bars()
    viewer.add_image(image, name="bars")
    dock = open_dock("Annotate")
    dock.session.workspace.start_annotating().data = labels
    return dock


def test_a_stroke_of_the_wrong_class_is_found_and_mended(
    dock, viewer, patience
) -> None:
    face = dock.stroke_check
    assert not face.next.isEnabled()
    face.check.click()
    patience(lambda: not face.job.running)
    assert "of 18 strokes look doubtful" in face.words.text()
    face.next.click()
    assert face.words.text().startswith("1 of ")  # the surest is the first
    assert "you painted background; a model" in face.words.text()
    assert "says fiber" in face.words.text()
    center = getattr(viewer, "scene", viewer).camera.center[-2:]
    assert WRONG + 3 <= center[0] <= WRONG + 5
    assert 10 <= center[1] < 70
    layer = dock.session.workspace.annotation.layer
    mended = layer.data.copy()
    mended[WRONG + 3 : WRONG + 5, 10:70] = 2
    layer.data = mended
    patience(lambda: not dock.session.workspace.annotation.settling)
    for _ in ROWS:  # what is mended is not shown again
        face.show_next()
        assert "you painted background" not in face.words.text()


def test_stopped_and_another_image_chosen(dock, viewer, patience) -> None:
    face = dock.stroke_check
    face.check.click()
    assert face.check.text() == "Stop checking"
    face.check.click()
    patience(lambda: not face.job.running)
    assert face.words.text() == "Checking your strokes was stopped."
    face.check.click()
    viewer.add_image(np.zeros(SHAPE), name="other")
    dock.session.workspace.choose_image(viewer.layers["other"])
    patience(lambda: not face.job.running)
    assert not face.next.isEnabled()


def test_it_stops_after_the_annotation_is_gone(dock, viewer, patience) -> None:
    face = dock.stroke_check
    face.check.click()
    del viewer.layers["Annotation"]
    assert face.check.isEnabled()
    patience(lambda: not face.job.running)
    assert not face.check.isEnabled()


@pytest.mark.parametrize(
    ("keep", "sentence"),
    [((2,), "strokes"), ((), "Not annotated")],
)
def test_too_little_is_told(dock, patience, keep, sentence) -> None:
    layer = dock.session.workspace.annotation.layer
    few = np.zeros(SHAPE, np.uint8)
    for label in keep:
        few[20:22, 10:40] = label
    layer.data = few
    patience(lambda: not dock.session.workspace.annotation.settling)
    face = dock.stroke_check
    face.check.click()
    patience(lambda: not face.job.running)
    assert face.words.text()
