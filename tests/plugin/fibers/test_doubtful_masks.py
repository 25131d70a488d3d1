"""Numbers from a mask that nobody can rely on say so, on paper too."""

import json

import numpy as np
import pytest

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.training.config import TrainingConfig

pytestmark = pytest.mark.gui


def specks(count: int) -> np.ndarray:
    """One bar of 240 voxels, and round pieces of 64."""
    mask = np.zeros((8, 40, 60), np.uint8)
    mask[1:5, 1:4, 1:21] = 1
    for number in range(count):
        y, x = 8 + 6 * (number // 9), 2 + 6 * (number % 9)
        mask[2:6, y : y + 4, x : x + 4] = 1
    return mask


@pytest.mark.parametrize(
    ("count", "share", "grave"), [(0, 0, 0), (2, 35, 0), (9, 71, 1)]
)
def test_how_much_of_the_mask_is_dropped(
    viewer, open_dock, patience, tmp_path, count, share, grave
) -> None:
    """Fibers cut across vanish without a word otherwise."""
    viewer.add_labels(specks(count), name="mask")
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    words = f"{share} % of the mask is in none: under 100 voxels, or not 2.5 times"
    assert (words in dock.summary.text()) == (share > 0 and not grave)
    assert (words in dock.caution.text()) == bool(grave)
    assert dock.caution.isVisibleTo(dock) == bool(grave)
    dock.export_to(tmp_path / "out")
    patience(lambda: not dock.session.workspace.measuring.busy)
    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert any(words in one for one in told.get("cautions", [])) == bool(grave)


def test_slenderness_is_gray_in_an_image(viewer, open_dock) -> None:
    viewer.add_labels(specks(2)[3], name="flat")
    dock = open_dock("Fibers")
    assert not dock.form.slenderness.isEnabled()
    assert "volume" in dock.form.slenderness.toolTip()
    viewer.layers.clear()
    viewer.add_labels(specks(2), name="deep")
    assert dock.form.slenderness.isEnabled()


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
