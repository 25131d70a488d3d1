"""The whole job on the sample volume, in a viewer that one can play with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import napari
from qtpy.QtCore import QTimer

from napari_sciml.plugin.flow.advice import Step
from napari_sciml.plugin.kit.opening import PLUGIN, open_dock
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.training.config import TrainingConfig

WINDOW = (1400, 900)
DOCK = "Workflow"


def show_demo(config: TrainingConfig) -> None:
    """Open the viewer, run the demo in it, and return when it is closed.

    Parameters
    ----------
    config
        Settings of the training.
    """
    viewer = napari.Viewer(title="napari-sciml demo", show_welcome_screen=False)
    demo = open_demo(viewer, config)
    napari.run()
    del demo


def open_demo(viewer: Any, config: TrainingConfig) -> "Demo":
    """Load the sample, open the workflow and start the training.

    Parameters
    ----------
    viewer
        An empty viewer.
    config
        Settings of the training.

    Returns
    -------
    Demo
        To be kept as long as the viewer.
    """
    viewer.open_sample(PLUGIN, "fiber_concrete")
    viewer.window.resize(*WINDOW)
    dock = open_dock(viewer, DOCK)
    dock.go_to(Step.TRAIN)
    dock.docks[Step.TRAIN].seconds.setValue(config.seconds)
    to_fibers = partial(dock.go_to, Step.FIBERS)
    demo = Demo(ViewerSession.of(viewer), at_end=to_fibers)
    demo.start(config)
    return demo


class Demo:
    """Goes on to the next step when one is done; stops for good when the user does."""

    def __init__(
        self, session: ViewerSession, at_end: Callable[[], None] | None = None
    ) -> None:
        self._session = session
        self._at_end = at_end
        session.training.changed.connect(self._on_training)

    def start(self, config: TrainingConfig) -> None:
        """Begin with the training."""
        self._session.training.start(config)

    def _on_training(self) -> None:
        training, volume = (
            self._session.training,
            self._session.prediction.probabilities,
        )
        complete = volume is not None and volume.complete
        if not training.settled or not complete or training.stopped:
            return
        self._session.training.changed.disconnect(self._on_training)
        # Not from within the signal that tells everybody that the training is over.
        QTimer.singleShot(0, self._measure)

    def _measure(self) -> None:
        self._session.sure.keep()
        mask = self._session.workspace.layers.get(self._session.sure.layer_name)
        self._session.fibers.start(mask)
        if self._at_end is not None:
            self._at_end()
