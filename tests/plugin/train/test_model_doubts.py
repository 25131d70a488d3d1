"""The Train dock says where nothing can be learned and where a model may not fit."""

import numpy as np
import pytest
from gui_helpers import bright_bar

from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.plugin.train.status import Phase

pytestmark = pytest.mark.gui


@pytest.mark.situation(
    "Units and voxel sizes",
    "model on voxels of another size or shape, gray values or type than it was "
    "trained on",
    "told, in the Train dock as well",
)
def test_a_loaded_model_tells_what_differs(
    session, viewer, open_dock, make_ensemble, tmp_path
) -> None:
    from napari_sciml.plugin.state.model import Model
    from napari_sciml.plugin.state.model_fit import remembered

    dock = open_dock("Train")
    knows = remembered(session.workspace.image)
    assert knows["voxel_size"] == [3, 2, 2]
    assert knows["dtype"] == "float32"
    ensemble = make_ensemble(3, members=1)
    ensemble.intensity = estimate_intensity(session.workspace.image.data)
    session.prediction.use(Model(ensemble, trained_on=knows))
    session.prediction.save(tmp_path / "model")
    session.prediction.load(tmp_path / "model")
    dock.redraw()
    assert session.prediction.doubts == ()
    assert dock.doubts.isHidden()
    image, _ = bright_bar()
    other = viewer.add_image(100 * image + 7, name="other", scale=(1, 1, 1))
    session.workspace.choose_image(other)
    dock.redraw()
    assert not dock.doubts.isHidden()
    assert "voxels of 3 x 2 x 2 micrometer" in dock.doubts.text()
    assert "gray values differ" in dock.doubts.text()


def test_nothing_to_learn_is_said_in_the_dock(viewer, open_dock, patience) -> None:
    _, labels = bright_bar((48, 48))
    viewer.add_image(np.full((48, 48), 7, np.uint8), name="blank")
    viewer.add_labels(labels, name="Annotation")
    dock = open_dock("Train")
    session = dock.session
    dock.start.click()
    patience(lambda: session.training.phase is Phase.WAITING)
    patience(lambda: bool(session.training.status.reason))
    dock.redraw()
    assert "Every voxel of the image has the same gray value, 7" in dock.status.text()
    assert session.prediction.model is None
    dock.start.click()
    patience(lambda: not session.workspace.runner.busy)
