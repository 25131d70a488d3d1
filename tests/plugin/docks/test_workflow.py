"""From strokes to fibers with the docks alone."""

import numpy as np
import pytest
from gui_helpers import is_settled

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble

pytestmark = pytest.mark.gui


@pytest.mark.timeout(240)
def test_from_strokes_to_fibers(viewer, open_dock, patience) -> None:
    phantom = make_phantom(PhantomConfig(shape=(40, 40, 40)))
    place = {"scale": (20,) * 3, "units": ("um",) * 3}
    viewer.add_image(phantom.image, name="phantom", **place)
    session = ViewerSession.of(viewer)

    annotate = open_dock("Annotate")
    annotate.start.click()
    strokes = np.nonzero(labels := scribble(phantom.labels, phantom.image, budget=600))
    session.workspace.annotation.layer.data_setitem(strokes, labels[strokes])
    patience(lambda: len(session.workspace.annotation.counts.voxels) == 2)

    train = open_dock("Train")
    train.members.setValue(2)
    train.seconds.setValue(6)
    train.start.click()
    patience(lambda: is_settled(session))
    assert train.error.text() == ""

    uncertainty = open_dock("Uncertainty")
    uncertainty.k.setValue(0)
    uncertainty.t.setValue(0.5)
    uncertainty.keep.click()
    session.sure.settle()
    mask = viewer.layers["Confident fiber"].data > 0
    truth = phantom.labels > 0
    assert mask[truth].mean() > mask[~truth].mean()

    fibers = open_dock("Fibers")
    fibers.form.dust.setValue(10)
    fibers.measure.click()
    patience(lambda: not session.workspace.measuring.busy)
    assert fibers.error.text() == ""
    assert "length" in fibers.plots.numbers.text()
    assert "mean_confidence" in session.fibers.result.table
    fibers.colors.by.setCurrentText("Confidence")
    assert "unknown" not in fibers.colors.bar.texts[1]
    assert fibers.filters.sliders["confidence"].isVisibleTo(fibers.filters)
    assert fibers.export.sweep.isEnabled()
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_sessions_belong_to_viewers(make_napari_viewer) -> None:
    one, two = make_napari_viewer(), make_napari_viewer()
    assert ViewerSession.of(one) is ViewerSession.of(one)
    assert ViewerSession.of(one) is not ViewerSession.of(two)
