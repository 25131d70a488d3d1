"""Lets a restored image help a training, where strokes show that it does."""

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.runner import Job
from napari_sciml.plugin.kit.widgets.button_job import ButtonJob
from napari_sciml.plugin.kit.widgets.controls import button, text_line
from napari_sciml.plugin.layers.channels import channels_on
from napari_sciml.plugin.layers.images import (
    CAUTIONS,
    cautions_on,
    dims_for,
    layer_transform,
    pixels,
)
from napari_sciml.plugin.restoration.controller import RestoreController
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.validation.channels import (
    ChannelsCompared,
    compare_channels,
)

CAUTION = "One of the two channels is a restored image."
NOT_SHOWN = "It is not shown to help: go on with the image alone."
HELPS = (
    'It helps: the layer "{}" has both and a copy of your strokes. Save it, as it is '
    "in memory only, and press Train."
)


class TrainingUse(QWidget):
    """A button and a line: compare, and go on with both where it helps.

    The image itself is never replaced: image and restored image become the two
    channels of a new layer, which gets a copy of the strokes.

    Parameters
    ----------
    workspace
        Has the image and its annotation.
    restoring
        Has the restored image.
    """

    def __init__(self, workspace: Workspace, restoring: RestoreController) -> None:
        super().__init__()
        self.setObjectName("training_use")
        self._workspace, self._restoring = workspace, restoring
        self.compare = button(
            "use_for_training",
            "Use for training",
            "Train small models on your strokes with the restored image as a second "
            "channel, and without; go on with both only if that is better on strokes "
            "that they had not seen. Takes about two minutes.",
        )
        self.words = text_line("training_use_words", "Whether it helps a training.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.compare)
        column.addWidget(self.words)
        self.wiring = Connections()
        self.destroyed.connect(self.wiring.close)
        self.job = ButtonJob(
            workspace.runner,
            self.compare,
            self.words,
            stop="Stop comparing",
            working="Comparing trainings",
            begin=self._begin,
            take=self._on_compared,
        )
        self.wiring.connect(workspace.image_left, self.forget)

    def forget(self) -> None:
        """Another image is next."""
        self.job.stop()
        self.job.say("")

    def _begin(self) -> Job:
        workspace, found = self._workspace, self._restoring.result
        layer = workspace.image
        if found is None or layer is None:
            raise InputError('Nothing is restored yet: press "Restore".')
        return workspace.runner.start(
            compare_channels,
            pixels(layer),
            found.image,
            workspace.scribbles_for_job(),
            workspace.annotation.class_names,
            dims=dims_for(layer),
            before=workspace.strokes_before,
        )

    def _on_compared(self, found: ChannelsCompared) -> None:
        helps = found.helps  # of the image at hand: with another one the job ends
        done = HELPS.format(self._go_on_with(found.both)) if helps else NOT_SHOWN
        self.job.say(f"{found.sentence} {done}")

    def _go_on_with(self, both: np.ndarray) -> str:
        """Let both channels be the image; gives the name of their layer."""
        workspace = self._workspace
        image, old = workspace.image, workspace.annotation.layer
        if image is None or old is None:
            raise InputError("The annotation was closed meanwhile: annotate again.")
        layer = channels_on(image, both, f"{image.name} and restored")
        layer.metadata[CAUTIONS] = (*cautions_on(image), CAUTION)
        strokes = Labels(
            old.data.copy(),
            name=f"{old.name} of both",
            metadata=dict(old.metadata),
            **layer_transform(old, list(range(old.ndim))),
        )
        viewer = workspace.viewer
        viewer.layers.append(layer)
        viewer.layers.append(strokes)
        workspace.annotations.remember(layer, strokes)
        workspace.annotations.painted_before(layer, workspace.strokes_before)
        workspace.pick_image(layer)
        return str(layer.name)
