"""What files tell of the strokes in them, taken over into the window and back."""

from dataclasses import dataclass

import numpy as np
from napari.layers import Image

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.label_files import LabelsRead

TAKEN_FOR_CORRECTIONS = (
    "The training that runs takes them for corrections of its picture: start it over "
    "if they were painted before there was one."
)


@dataclass(frozen=True)
class _Replaced:
    """What an import has replaced."""

    image: Image
    labels: LabelChange
    before: int | None


class StrokesTold:
    """Knows how many imported strokes were painted before a prediction was shown.

    Where the import is taken back, what was known before comes back, too.

    Parameters
    ----------
    workspace
        Has the annotation.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._replaced: _Replaced | None = None
        self.wiring = Connections()
        self.wiring.connect(workspace.annotation.changed, self._on_changed)

    @property
    def to_keep(self) -> int | None:
        """What a file of all strokes should tell; None where it would be wrong.

        A training counts the strokes that it is given, and of these some are left out.
        """
        workspace = self._workspace
        return None if workspace.exclusion.active else workspace.strokes_before

    def take(self, read: LabelsRead) -> str:
        """Take over what a file tells; call it before the labels are replaced.

        Returns
        -------
        str
            What a person should know, or nothing.
        """
        workspace, image = self._workspace, self._workspace.image
        if image is None or not (len(read.indices) or read.before is not None):
            return ""
        if workspace.runner.busy:
            return TAKEN_FOR_CORRECTIONS if len(read.indices) else ""
        labels = workspace.annotation.store.snapshot()
        self._replaced = _Replaced(image, labels, workspace.strokes_before)
        workspace.annotations.painted_before(image, read.before)
        return ""

    def _on_changed(self, change: LabelChange) -> None:
        was = self._replaced
        if was is None or was.image is not self._workspace.image:
            return
        store = self._workspace.annotation.store
        back = np.array_equal(store.indices, was.labels.indices) and np.array_equal(
            store.values, was.labels.values
        )
        if back:
            self._replaced = None
            self._workspace.annotations.painted_before(was.image, was.before)
