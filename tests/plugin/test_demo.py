"""The demo in the viewer, on a small volume."""

import pytest

from napari_sciml.plugin.demo import DOCK, Demo, open_demo
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.samples.contribute import fiber_concrete
from napari_sciml.training.config import TrainingConfig

pytestmark = pytest.mark.gui


def crop_of_the_sample(viewer, edge: int) -> None:
    for data, options, kind in fiber_concrete():
        part = data[:edge, :edge, :edge].copy()
        getattr(viewer, f"add_{kind}")(part, **options)


def test_goes_from_training_to_fibers_by_itself(viewer, open_dock, patience) -> None:
    crop_of_the_sample(viewer, 48)
    fibers = open_dock("Fibers")
    session = ViewerSession.of(viewer)
    demo = Demo(session)
    demo.start(TrainingConfig(seconds=2))
    patience(lambda: session.fibers.result is not None or bool(fibers.error.text()))
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    assert "Confident fiber" in viewer.layers


def test_stays_stopped_when_the_user_stops(viewer, patience) -> None:
    crop_of_the_sample(viewer, 48)
    session = ViewerSession.of(viewer)
    demo = Demo(session)
    demo.start(TrainingConfig(seconds=600))
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    assert session.fibers.result is None
    assert demo is not None


def test_opens_the_workflow_with_its_own_settings(viewer, patience) -> None:
    demo = open_demo(viewer, TrainingConfig(seconds=77))
    names = {name.split(" (")[0] for name in viewer.window.dock_widgets}
    assert DOCK in names
    session = ViewerSession.of(viewer)
    assert session.training.settings.seconds == 77
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    del demo
