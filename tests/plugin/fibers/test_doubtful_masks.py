"""Numbers from a mask that nobody can rely on say so, on paper too."""

import json

import numpy as np
import pytest

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.training.config import TrainingConfig

pytestmark = pytest.mark.gui


@pytest.fixture
def partly_predicted(viewer, patience):
    """A volume of which only some blocks were predicted when it was stopped."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.2, (96, 96, 96)).astype(np.float32)
    image[20:30, 43:48] += 2
    labels = np.zeros(image.shape, np.uint8)
    labels[25, 45, 20:40] = 2
    labels[25, 10:20, 80] = 1
    viewer.add_image(image, name="bar")
    viewer.add_labels(labels, name="Annotation")
    viewer.dims.set_point(0, 25)
    session = ViewerSession.of(viewer)
    seen = []
    session.prediction.changed.connect(lambda region: seen.append(region))
    session.training.start(TrainingConfig(members=1, seconds=600))
    patience(lambda: session.prediction.model is not None and any(seen))
    session.training.stop()
    patience(lambda: not session.training.running)
    return session


def test_a_part_is_called_a_part(partly_predicted, open_dock, patience, tmp_path):
    session = partly_predicted
    assert 0 < session.prediction.probabilities.share < 1
    session.sure.keep()
    session.sure.settle()
    dock = open_dock("Fibers")
    said = dock.caution.text()
    assert "% of the image is predicted" in said
    dock.measure.click()
    patience(lambda: not session.workspace.measuring.busy)
    assert dock.error.text() == ""
    dock.export_to(tmp_path / "out")
    patience(lambda: not session.workspace.measuring.busy)
    assert dock.error.text() == ""
    told = json.loads((tmp_path / "out" / "summary.json").read_text())["cautions"]
    assert any("% of the image is predicted" in one for one in told)
    assert "% of the image is predicted" in (tmp_path / "out/report.html").read_text()
