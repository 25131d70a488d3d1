"""Strokes on what is out of focus are left out of the training."""

import numpy as np
import pytest

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(viewer, open_dock, half_blurred, patience):
    """A rated image with two strokes on either side."""
    viewer.add_image(half_blurred, name="cells", scale=(2, 2))
    labels = np.zeros(half_blurred.shape, np.uint8)
    labels[20:40, 10:60] = labels[20:40, 220:260] = 1
    labels[60:80, 10:60] = labels[60:80, 220:260] = 2
    viewer.add_labels(labels, name="Annotation", scale=(2, 2))
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    mask = viewer.layers["Out of focus"]
    half = mask.data.shape[1] // 2
    # Whatever the weights say: the right half is out of focus.
    mask.data = np.repeat(np.arange(2), half).astype(np.uint8) * np.ones(
        (mask.data.shape[0], 1), np.uint8
    )
    return dock


def counted(session) -> int:
    return sum(session.annotation.counts.voxels.values())


def test_strokes_under_the_mask_do_not_count(dock, patience) -> None:
    session = dock.session
    assert counted(session) == 3600
    assert not dock.excluded.isVisibleTo(dock)
    dock.exclude.click()
    assert counted(session) == 2000
    assert dock.excluded.text() == "1,600 of 3,600 labeled voxels are left out."
    given = session.labels_for_job()
    columns = given.indices % 336
    assert columns.max() < 168
    assert set(given.values) == {1, 2}
    dock.exclude.click()
    assert counted(session) == 3600
    assert len(session.labels_for_job()) == 3600


def test_the_annotation_itself_stays(dock, viewer) -> None:
    dock.exclude.click()
    assert np.count_nonzero(viewer.layers["Annotation"].data) == 3600
    assert len(dock.session.annotation.store) == 3600


def test_painting_in_the_mask_counts(dock, viewer, patience) -> None:
    dock.exclude.click()
    mask = viewer.layers["Out of focus"]
    mask.data_setitem(np.nonzero(mask.data), 0)
    patience(lambda: counted(dock.session) == 3600)
    assert dock.excluded.text() == "0 of 3,600 labeled voxels are left out."


def test_a_deleted_mask_leaves_nothing_out(dock, viewer) -> None:
    dock.exclude.click()
    viewer.layers.remove("Out of focus")
    assert counted(dock.session) == 3600
    assert "rate the focus first" in dock.excluded.text()
    assert len(dock.session.labels_for_job()) == 3600


def test_another_image_leaves_nothing_out(dock, viewer, half_blurred) -> None:
    dock.exclude.click()
    other = viewer.add_image(half_blurred, name="other")
    dock.session.choose_image(other)
    assert not dock.session.exclusion.active


def test_a_running_training_is_told(dock, viewer, patience) -> None:
    from napari_sciml.storage.runs import RunTook
    from napari_sciml.training.config import TrainingConfig

    session, logged = dock.session, []
    session.training.logged.connect(logged.append)
    dock.exclude.click()
    session.training.start(TrainingConfig(members=1, seconds=30))
    assert len(session.training.labels.given) == 2000
    layer = viewer.layers["Annotation"]
    layer.data_setitem((np.full(40, 100), np.arange(150, 190)), 2)
    patience(lambda: len(session.training.labels.given) == 2018)
    dock.exclude.click()
    patience(lambda: len(session.training.labels.given) == 3640)
    dock.exclude.click()
    patience(lambda: len(session.training.labels.given) == 2018)
    patience(lambda: any(isinstance(event, RunTook) for event in logged))
    assert next(e for e in logged if isinstance(e, RunTook)).left_out
    session.training.stop()
    patience(lambda: not session.runner.busy)
