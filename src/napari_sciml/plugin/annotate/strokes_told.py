"""What files tell of the strokes in them, taken over into the window and back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from napari.layers import Image

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.label_files import LabelsRead

STOP_FIRST = (
    "A training runs, which would take imported labels for corrections of its "
    "picture: stop it, import them, and train again."
)
LEFT_OUT = (
    "Which strokes correct a prediction is not in it, as some of them are left out "
    "while they are out of focus."
)


@dataclass(frozen=True)
class _Import:
    """What an import has replaced, and what it told."""

    image: Image
    labels: LabelChange
    before: int | None
    told: int | None


class StrokesTold:
    """Knows how many imported strokes were painted before a prediction was shown.

    Where the import is taken back, what was known before comes back, too.

    Parameters
    ----------
    workspace
        Has the annotation.
    training
        Whether a training runs, which knows its own strokes.
    """

    def __init__(self, workspace: Workspace, training: Callable[[], bool]) -> None:
        self._workspace, self._training = workspace, training
        self._last: _Import | None = None
        self.wiring = Connections()
        self.wiring.connect(workspace.annotation.changed, self._on_changed)

    @property
    def to_keep(self) -> int | None:
        """What a file of all strokes should tell; None where it would be wrong.

        A training counts the strokes that it is given, and of these some are left out.
        """
        workspace = self._workspace
        return None if workspace.exclusion.active else workspace.strokes_before

    @property
    def caution(self) -> str:
        """What a person should know of a file that is exported now, or nothing."""
        workspace = self._workspace
        lost = workspace.exclusion.active and workspace.strokes_before is not None
        return LEFT_OUT if lost else ""

    @property
    def shown(self) -> bool:
        """Whether a prediction of the image was shown already."""
        return self._workspace.strokes_before is not None

    def check_free(self) -> None:
        """Make sure that strokes can be taken over now.

        Raises
        ------
        InputError
            While a training runs.
        """
        if self._training():
            raise InputError(STOP_FIRST)

    def take(self, read: LabelsRead) -> None:
        """Take over what a file tells; call it before the labels are replaced.

        Raises
        ------
        InputError
            As `check_free`.
        """
        self.check_free()
        workspace, image = self._workspace, self._workspace.image
        changed = len(read.indices) > 0
        if image is None or not (changed or read.before is not None):
            return
        labels, before = workspace.annotation.store.snapshot(), workspace.strokes_before
        self._last = _Import(image, labels, before, read.before) if changed else None
        workspace.annotations.painted_before(image, read.before)

    def _on_changed(self, change: LabelChange) -> None:
        last, workspace = self._last, self._workspace
        if last is None:
            return
        if last.image is not workspace.image or last.told != workspace.strokes_before:
            self._last = None  # something else was told since
            return
        store = workspace.annotation.store
        if np.array_equal(store.indices, last.labels.indices) and np.array_equal(
            store.values, last.labels.values
        ):
            self._last = None
            workspace.annotations.painted_before(last.image, last.before)
