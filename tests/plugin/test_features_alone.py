"""Each feature works on a workspace of its own, without the session and the others."""

import numpy as np
import pytest

from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.plugin.annotate.slices import AnnotatedSlices
from napari_sciml.plugin.exploring.controller import ExploreController
from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.focus.controller import FocusController
from napari_sciml.plugin.state.history import History
from napari_sciml.plugin.state.model import Model
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.plugin.train.controller import TrainingController
from napari_sciml.plugin.uncertainty.controller import ConfidentMaskController
from napari_sciml.plugin.uncertainty.guide import NOTHING_PREDICTED, Guide

pytestmark = pytest.mark.gui

SHAPE = (12, 40, 40)


@pytest.fixture
def workspace(viewer):
    values = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    viewer.add_image(values, name="scan")
    made = Workspace(viewer)
    made.watch()
    yield made
    made.unwatch()
    made.close()


@pytest.fixture
def prediction(workspace):
    return Prediction(workspace)


def test_the_workspace_takes_the_image_and_its_annotation(workspace, viewer) -> None:
    assert workspace.image.name == "scan"
    layer = workspace.start_annotating()
    assert workspace.annotation.layer is layer
    viewer.layers.remove(viewer.layers["scan"])
    assert workspace.image is None
    assert workspace.annotation.layer is None


def test_trained_model_predicts_without_a_dock(
    workspace, prediction, make_ensemble, patience
) -> None:
    training = TrainingController(workspace, prediction, History(workspace, prediction))
    prediction.use(Model(make_ensemble(3, members=2)))
    training.predict("cpu")
    patience(lambda: not training.running and not workspace.runner.busy)
    assert prediction.probabilities.complete


def test_masks_and_places_say_that_nothing_is_predicted(workspace, prediction) -> None:
    sure, guide = (
        ConfidentMaskController(workspace, prediction),
        Guide(workspace, prediction),
    )
    guide.show_next()
    assert guide.sentence() == NOTHING_PREDICTED
    assert sure.class_names == workspace.annotation.class_names
    sure.close()
    guide.close()


def test_fibers_are_measured_on_any_mask(workspace, prediction, viewer, patience):
    settled = []
    fibers = FiberController(workspace, prediction, lambda: settled.append(True))
    told = []
    fibers.failed.connect(told.append)
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:8, 18:21, 5:35] = 1
    fibers.start(viewer.add_labels(mask, name="mask"))
    patience(lambda: not fibers.running)
    assert settled
    assert not told
    assert len(fibers.result.table) == 1
    fibers.close()


def test_focus_and_slices_need_nobody(workspace) -> None:
    focus, slices = FocusController(workspace), AnnotatedSlices(workspace)
    layer = workspace.start_annotating()
    layer.data_setitem(tuple(np.array([[3], [5], [5]])), 1)
    workspace.annotation.read_now()
    slices.go_to_previous()
    assert workspace.viewer.dims.point[0] == 3
    assert not focus.busy
    focus.close()


def test_exploring_needs_nobody(workspace, prediction, patience) -> None:
    run = ExploreController(workspace, prediction)
    run.explore(ExploreConfig(patch=8, stride=8, map="pca"))
    patience(lambda: not run.doing)
    run.selection.select(np.array([3]))
    run.label(2)
    assert set(workspace.annotation.store.values) == {2}
    run.close()
