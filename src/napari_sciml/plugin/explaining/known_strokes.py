"""What was learned of the strokes for explanations, and learned before it is asked."""

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.images import pixels

if TYPE_CHECKING:
    from napari_sciml.explaining.preparing import Preparation
    from napari_sciml.plugin.state.model import Model
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

OTHER_CLASSES = "The model has other classes than the strokes, which are not compared."


class KnownStrokes:
    """Looks at the strokes once for a model, an image and a revision of the labels.

    Attributes
    ----------
    wanted
        Whether somebody may ask soon: then it looks when a training ends.
    rested
        It has ended to look.
    """

    rested = Signal()

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self._runner = JobRunner()
        self._runner.finished.connect(self.rested.emit)
        workspace.runner.finished.connect(self._on_trained)
        self.wanted = False
        self._known: Preparation | None = None
        self._of: tuple[Any, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether it looks at the strokes now."""
        return self._runner.busy

    def of(self, model: "Model") -> "Preparation | None":
        """What is known for a model and the strokes as they are, done or not.

        None where there is nothing to compare.

        Raises
        ------
        InputError
            When there is no image.
        """
        revision = self._workspace.annotation.store.revision
        key = model, revision, self._workspace.image
        if not _same(key, self._of):
            self._known, self._of = self._preparation(model), key
        return self._known

    def _preparation(self, model: "Model") -> "Preparation | None":
        from napari_sciml.explaining.preparing import Preparation

        labels, image = self.labels(model), pixels(self._workspace.image)
        return None if labels is None else Preparation(model.ensemble, image, labels)

    def labels(self, model: "Model") -> Scribbles | None:
        """What is painted, as it is now; None where there is nothing to compare."""
        annotation = self._workspace.annotation
        if annotation.layer is None or not len(annotation.store):
            return None
        if self.others(model):
            return None
        store = annotation.learned()
        return Scribbles(store.shape, store.indices, store.values)

    def others(self, model: "Model") -> bool:
        """Whether the strokes have other classes than a model."""
        annotation = self._workspace.annotation
        painted = annotation.layer is not None and len(annotation.store)
        return bool(painted) and annotation.class_names != model.ensemble.class_names

    def prepare(self) -> None:
        """Look at the strokes now, so that the next answer comes quickly."""
        image, model = self._workspace.image, self._prediction.model
        if image is None or model is None or self.busy:
            return
        try:
            known = self.of(model)
        except InputError:
            return  # who asks is told
        if known is not None and known.channels is None:
            self._runner.start(known.finish)

    def forget(self) -> None:
        """Another image is next."""
        self._runner.stop()
        self._known, self._of = None, ()

    def stop(self) -> None:
        """Look no further."""
        self._runner.stop()

    def silence(self) -> None:
        """The viewer goes away."""
        self._runner.silence()

    def _on_trained(self) -> None:
        if self.wanted:
            self.prepare()


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether both hold the very same things."""
    return len(one) == len(other) and all(
        a is b or (isinstance(a, int) and a == b)
        for a, b in zip(one, other, strict=True)
    )
