"""Image and result in turn: what a person sees flicker is where they differ."""

from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.plugin.state.coloring import CONFIDENT
from napari_sciml.plugin.state.prediction import PREDICTED

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

BLINK_MS = 600
"""Between image and result: slow enough to look at both."""


class Blink:
    """Hides what is predicted, and shows it again, in turn.

    Only layers that are seen when it begins take part, so that all is as before when
    it ends. What the user shows or hides meanwhile is his.

    Parameters
    ----------
    workspace
        Has the layers.

    Attributes
    ----------
    changed
        Emitted when it begins and ends.
    """

    changed = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._hidden: list[Layer] = []
        self._seen: list[Layer] = []
        self._timer = QTimer()
        self._timer.setInterval(BLINK_MS)
        self._timer.timeout.connect(self._turn)

    @property
    def running(self) -> bool:
        """Whether image and result are shown in turn."""
        return self._timer.isActive()

    @property
    def results(self) -> list[Layer]:
        """What lies over the image now and can be seen."""
        layers = self._workspace.layers
        found = [*layers.of(Image, PREDICTED), *layers.of(Labels, CONFIDENT)]
        return [layer for layer in found if layer.visible]

    def start(self) -> None:
        """Begin with the image alone; nothing happens where no result is seen."""
        self._seen = self.results
        if self._seen:
            self._timer.start()
            self._turn()
        self.changed.emit()

    def stop(self) -> None:
        """Show the result again; nothing happens where it is shown already."""
        if not self._seen:
            return  # also when Qt ends, and has taken the timer away
        self._timer.stop()
        self._show()
        self._seen = []
        self.changed.emit()

    def _turn(self) -> None:
        if self._hidden:
            self._show()
            return
        viewer = self._workspace.viewer
        there = [] if viewer is None else viewer.layers
        self._hidden = [x for x in self._seen if x in there and x.visible]
        if not self._hidden:  # deleted, or hidden by the user
            self.stop()
        for layer in self._hidden:
            layer.visible = False

    def _show(self) -> None:
        hidden, self._hidden = self._hidden, []
        for layer in hidden:
            layer.visible = True
