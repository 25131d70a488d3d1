"""What is out of focus is not learned from, and nothing is claimed of it."""

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
    return sum(session.workspace.annotation.counts.voxels.values())


def test_strokes_under_the_mask_do_not_count(dock, patience) -> None:
    session = dock.session
    assert counted(session) == 3600
    assert not dock.excluded.isVisibleTo(dock)
    dock.exclude.click()
    assert counted(session) == 2000
    assert dock.excluded.text() == "1,600 of 3,600 labeled voxels are left out."
    given = session.workspace.labels_for_job()
    columns = given.indices % 336
    assert columns.max() < 168
    assert set(given.values) == {1, 2}
    dock.exclude.click()
    assert counted(session) == 3600
    assert len(session.workspace.labels_for_job()) == 3600


def test_says_what_it_does_before_there_are_labels(dock, viewer) -> None:
    del viewer.layers["Annotation"]
    dock.exclude.click()
    assert "will be left out" in dock.excluded.text()


def test_the_annotation_itself_stays(dock, viewer) -> None:
    dock.exclude.click()
    assert np.count_nonzero(viewer.layers["Annotation"].data) == 3600
    assert len(dock.session.workspace.annotation.store) == 3600


def test_a_file_of_all_strokes_does_not_tell_of_some(dock) -> None:
    from napari_sciml.plugin.annotate.strokes_told import StrokesTold

    workspace = dock.session.workspace
    told = StrokesTold(workspace, lambda: False)
    workspace.annotations.painted_before(workspace.image, 1)
    assert (told.to_keep, told.caution) == (1, "")
    dock.exclude.click()
    assert told.to_keep is None
    assert "out of focus" in told.caution
    told.wiring.close()


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
    assert len(dock.session.workspace.labels_for_job()) == 3600


def test_another_image_leaves_nothing_out(dock, viewer, half_blurred) -> None:
    dock.exclude.click()
    other = viewer.add_image(half_blurred, name="other")
    dock.session.workspace.choose_image(other)
    assert not dock.session.workspace.exclusion.active


def test_a_running_training_is_told(dock, viewer, patience) -> None:
    from napari_sciml.project.runs import RunTook
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
    patience(lambda: not session.workspace.runner.busy)


@pytest.fixture
def predicted(dock):
    """All of the image is surely of the second class."""
    from napari_sciml.images.tiles import Tile
    from napari_sciml.prediction.blockwise import BlockPredicted

    prediction = dock.session.prediction
    prediction.prepare(("background", "fiber"))
    shape = prediction.probabilities.shape
    whole = tuple(slice(0, n) for n in shape)
    mean = np.stack([np.full(shape, 0.1), np.full(shape, 0.9)])
    std = np.full_like(mean, 0.2)
    prediction.take(BlockPredicted(Tile(whole, whole), mean, std, std[0], 1, 1))
    dock.session.sure.keep()
    dock.session.sure.settle()
    return dock


def halves(layer) -> tuple[np.ndarray, np.ndarray]:
    """In focus, and out of focus."""
    data = np.asarray(layer.data)
    return data[:, : data.shape[1] // 2], data[:, data.shape[1] // 2 :]


def test_nothing_is_shown_where_the_mask_is(predicted, viewer) -> None:
    for name in ("Probability fiber", "Uncertainty"):
        layer = viewer.layers[name]
        before = np.asarray(layer.data).copy()
        predicted.exclude.click()
        left, right = halves(layer)
        assert np.isfinite(left).all()
        assert np.isnan(right).all()
        predicted.exclude.click()
        assert isinstance(layer.data, np.ndarray)
        np.testing.assert_array_equal(layer.data, before)


def test_the_screen_shows_the_image_there(predicted, viewer) -> None:
    viewer.window.show()
    for layer in viewer.layers:
        layer.visible = layer.name in ("cells", "Probability fiber")
    viewer.reset_view()
    before = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    predicted.exclude.click()
    after = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    changed = np.abs(after - before).sum(axis=-1) > 0
    middle = changed.shape[1] // 2
    assert not changed[:, : middle - 2].any()
    assert changed[:, middle + 2 :].any()


def test_nothing_is_sure_where_the_mask_is(predicted, viewer, patience) -> None:
    sure, mask = predicted.session.sure, viewer.layers["Confident fiber"]
    assert (mask.data == 2).all()
    assert sure.predicted == 336 * 336
    predicted.exclude.click()
    sure.settle()
    left, right = halves(mask)
    assert (left == 2).all()
    assert not right.any()
    assert sure.kept == sure.predicted == 336 * 168
    predicted.exclude.click()
    sure.settle()
    assert (mask.data == 2).all()


def test_a_block_that_comes_later_is_not_shown_there(predicted, viewer) -> None:
    from napari_sciml.images.tiles import Tile
    from napari_sciml.prediction.blockwise import BlockPredicted

    predicted.exclude.click()
    core = (slice(0, 100), slice(100, 300))
    values = np.full((2, 100, 200), 0.5)
    block = BlockPredicted(Tile(core, core), values, values, values[0], 1, 1)
    predicted.session.prediction.take(block)
    shown = np.asarray(viewer.layers["Probability fiber"].data)[core]
    assert (shown[:, :68] == 0.5).all()
    assert np.isnan(shown[:, 68:]).all()
    kept = predicted.session.prediction.probabilities
    assert (kept.mean[1][core] == 0.5).all()


def test_erasing_in_the_mask_brings_it_back(predicted, viewer, patience) -> None:
    predicted.exclude.click()
    mask = viewer.layers["Out of focus"]
    mask.data_setitem(np.nonzero(mask.data), 0)
    layer, sure = viewer.layers["Probability fiber"], predicted.session.sure
    assert np.isfinite(np.asarray(layer.data)).all()
    patience(lambda: (viewer.layers["Confident fiber"].data == 2).all())
    patience(lambda: sure.predicted == 336 * 336)


def test_another_image_leaves_the_old_layers_blank(
    predicted, viewer, half_blurred
) -> None:
    predicted.exclude.click()
    layer = viewer.layers["Probability fiber"]
    other = viewer.add_image(half_blurred, name="other")
    predicted.session.workspace.choose_image(other)
    assert np.isnan(halves(layer)[1]).all()


def test_places_to_label_are_in_focus(predicted) -> None:
    valid = predicted.session.prediction.valid
    assert valid[10, 300]
    predicted.exclude.click()
    valid = predicted.session.prediction.valid
    assert valid[10, 10]
    assert not valid[10, 300]
    found = np.asarray(valid)
    assert found[:, :168].all()
    assert not found[:, 168:].any()


def test_a_whole_volume_is_blank_there_too(predicted) -> None:
    layers, image = (
        predicted.session.workspace.layers,
        predicted.session.workspace.image,
    )
    data = np.ones((336, 336), np.float16)
    layer = layers.show_image("Whole volume fiber", data, image)
    predicted.exclude.click()
    assert np.isnan(halves(layer)[1]).all()
    predicted.exclude.click()
    assert layer.data is data
    layer.name = "my own name for it"
    pyramid = layers.show_levels(layer, [data, data[::2, ::2]])
    assert pyramid.name == "my own name for it"
    assert layers.get("Whole volume fiber") is pyramid
    predicted.exclude.click()
    for level in pyramid.data:
        middle = level.shape[1] // 2
        assert np.isfinite(np.asarray(level)[:, :middle]).all()
        assert np.isnan(np.asarray(level)[:, middle:]).all()


def test_fibers_are_looked_for_in_focus_only(predicted, viewer, patience) -> None:
    from napari_sciml.fibers.config import FiberConfig

    predicted.exclude.click()
    predicted.session.sure.settle()
    fibers, anything = predicted.session.fibers, FiberConfig(slenderness=0, split=False)
    fibers.start(viewer.layers["Confident fiber"], anything)
    patience(lambda: not predicted.session.workspace.measuring.busy)
    mean = fibers.prediction().mean
    assert (mean[:, :168] == np.float16(0.9)).all()
    assert not mean[:, 168:].any()
    assert fibers.result.labels[:, :160].all()
    # With a probability of 0.9 all over, it could be extended to the other half.
    assert not fibers.result.labels[:, 168:].any()
