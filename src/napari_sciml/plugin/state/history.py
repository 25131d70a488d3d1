"""The models that a training has made, and the way back to each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.project.checkpoint import Checkpoint, superfluous
from napari_sciml.workflows.prediction.arrays import Compared, compare_models

if TYPE_CHECKING:
    from napari_sciml.images.tiles import Region
    from napari_sciml.plugin.state.model import Model

APART_SECONDS = 15.0
"""Of training between two models that are kept."""
THUMBNAIL = 48
DIFFERENCE = "Difference"


class History:
    """Keeps models now and then, and one when a training settles.

    Attributes
    ----------
    models
        The oldest first.
    newest
        What the training has made last, kept or not.
    added
        Emitted with a checkpoint and its model.
    pictured
        Emitted when a model has its thumbnail, which may be long after `added`.
    """

    changed = Signal()
    added = Signal(Checkpoint, object)
    pictured = Signal(Checkpoint)
    compared = Signal(str)

    def __init__(self, workspace: Workspace, prediction: Prediction) -> None:
        self._workspace, self._prediction = workspace, prediction
        self._at = -APART_SECONDS
        self._kind = ""
        self.models: list[Checkpoint] = []
        self._used: dict[Checkpoint, Model] = {}
        self.newest: Model | None = None
        self._runner = JobRunner()
        self._runner.yielded.connect(self._on_compared)
        self._runner.failed.connect(self._on_failed)
        prediction.changed.connect(self._on_predicted)

    def consider(self, model: "Model", *, seconds: float, settled: bool) -> None:
        """Keep a model if the last one is a while ago, or it is of another kind."""
        self.newest = model
        new = model.kind != self._kind
        if new or settled or seconds < self._at or seconds - self._at > APART_SECONDS:
            self._at, self._kind = seconds, model.kind
            kept = self._add(model)
            self.added.emit(kept, model)
            self.changed.emit()

    def remember(self, model: "Model") -> None:
        """Keep a model that was loaded, for the way back; it has its own folder."""
        self._add(model)
        self.changed.emit()

    def restore(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Put models of a project before those of this viewer."""
        own = [kept for kept in self.models if not kept.weights_sha256]
        self.models = [*checkpoints, *own]
        self.changed.emit()

    def model(self, checkpoint: Checkpoint) -> "Model | None":
        """The model itself; None as long as it is on the disk only."""
        return self._used.get(checkpoint)

    def opened(self, index: int) -> "Model":
        """Give a model with its networks; reads them where they are on the disk.

        Raises
        ------
        InputError
            When they are damaged or gone.
        """
        from napari_sciml.plugin.state.model import Model

        kept = self.models[index]
        if kept not in self._used:
            self._used[kept] = Model.of(kept)
        return self._used[kept]

    def compare(self, one: int, other: int) -> None:
        """Show where two models differ on the shown slice, as the layer `Difference`.

        Raises
        ------
        InputError
            When there is no image, or another comparison is running.
        """
        image, region = pixels(self._workspace.image), self._workspace.shown_region()
        assert region is not None
        ensembles = [self.opened(i).ensemble for i in (one, other)]
        self._runner.start(compare_models, *ensembles, image, region)

    def close(self) -> None:
        """Stop what runs."""
        self._runner.stop()

    def _add(self, model: "Model") -> Checkpoint:
        kept = model.checkpoint()
        self.models.append(kept)
        self._used[kept] = model
        for old in superfluous(self.models):
            self.models.remove(old)
            self._used.pop(old, None)
        return kept

    def _on_compared(self, found: Compared) -> None:
        workspace = self._workspace
        if workspace.image is None:
            return
        difference = np.zeros(tuple(pixels(workspace.image).shape), np.float16)
        difference[found.region] = found.difference
        workspace.layers.show_image(
            DIFFERENCE,
            difference,
            workspace.image,
            colormap="PiYG",
            contrast_limits=(-1, 1),
            blending="translucent",
            opacity=0.7,
        )
        self.compared.emit(
            f"The two put {100 * found.share:.2g} % of this slice into different "
            "classes; where the later one sees more is green."
        )

    def _on_failed(self, sentence: str) -> None:
        self.compared.emit(sentence)

    def _on_predicted(self, region: "Region | None") -> None:
        """The last model's picture, once it has drawn what is on the screen."""
        if not self.models or self.models[-1].thumbnail is not None:
            return
        kept, shown = self.models[-1], self._workspace.shown_region()
        volume, used = self._prediction.probabilities, self._prediction.model
        if shown is None or volume is None or used is None:
            return
        if used is not self.model(kept) or not volume.current[shown].all():
            return
        self._picture(used, _thumbnail(volume.mean[-1][shown]))

    def _picture(self, model: "Model", picture: np.ndarray) -> None:
        kept = replace(self.models[-1], thumbnail=picture)
        del self._used[self.models[-1]]
        self.models[-1], self._used[kept] = kept, model
        self.pictured.emit(kept)
        self.changed.emit()


def _thumbnail(probability: np.ndarray) -> np.ndarray:
    """Gray picture of a slice, its longer edge `THUMBNAIL` pixels at most."""
    plane = probability.reshape([n for n in probability.shape if n > 1] or [1])
    plane = np.atleast_2d(plane)
    step = max(1, -(-max(plane.shape) // THUMBNAIL))
    gray = (plane[::step, ::step].astype(np.float32) * 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)
