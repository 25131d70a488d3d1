"""What a training or a prediction tells, as the state that a viewer shows."""

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.plugin.state.history import History
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.plugin.train.curves import Curves
from napari_sciml.plugin.train.learned_images import LearnedImages
from napari_sciml.plugin.train.running import RunningTraining
from napari_sciml.plugin.train.status import Phase, TrainingStatus

if TYPE_CHECKING:
    from napari_sciml.plugin.kit.runner import Job
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.events import (
        Activity,
        LabelsUpdated,
        ModelReady,
        TrainingStep,
    )


class TrainingEvents:
    """Turns the events of a job into state.

    Attributes
    ----------
    status
        What is going on, and how far it has come.
    curves
        How the training went so far.
    taken
        Revision of the annotation that the training has taken in.
    numbers
        Of the newest model.
    training
        The one that runs; None where there is none.
    logged
        Emitted with all that a replay of a training needs to know.
    gave_up
        Emitted with why a job cannot go on.
    ended
        Emitted when a job has ended, after ``changed``.
    """

    changed = Signal()
    logged = Signal(object)
    failed = Signal(str)
    gave_up = Signal(str)
    ended = Signal()

    def __init__(
        self,
        workspace: Workspace,
        prediction: Prediction,
        history: History,
        images: LearnedImages,
    ) -> None:
        self._workspace, self._prediction = workspace, prediction
        self._history, self._images = history, images
        self.training: RunningTraining | None = None
        self.status = TrainingStatus()
        self.curves = Curves()
        self.taken: int | None = None
        self.numbers = 0

    def follow(
        self, job: "Job", phase: Phase, training: RunningTraining | None = None
    ) -> None:
        """Listen to a job that has just started; without a training, it predicts."""
        job.yielded.connect(self._on_event)
        job.failed.connect(self.failed.emit)
        job.finished.connect(self._on_finished)
        self.training = training
        if training is not None:
            self.curves, self.taken = Curves(), None
        self._prediction.begin()
        self.status = TrainingStatus(phase)
        self.changed.emit()

    def _enter(self, phase: Phase) -> None:
        self.status.phase = phase
        self.changed.emit()

    def _on_event(self, event: object) -> None:
        # The job has imported torch long before its first event.
        from napari_sciml.prediction.blockwise import BlockPredicted
        from napari_sciml.training.events import (
            Activity,
            LabelsUpdated,
            ModelReady,
            TrainingStep,
        )

        if isinstance(event, TrainingStep):
            self._on_step(event)
        elif isinstance(event, ModelReady):
            self._on_model(event)
        elif isinstance(event, BlockPredicted):
            self._on_block(event)
        elif isinstance(event, Activity):
            self._on_activity(event)
        elif isinstance(event, LabelsUpdated):
            self._on_labels(event)

    def _on_labels(self, taken: "LabelsUpdated") -> None:
        self.taken, self.status.settled = taken.revision, False
        image, training = self._workspace.image, self.training
        # Of several images the number is that of all strokes together.
        if image is not None and not (training and training.labels.several):
            before = self._workspace.annotations.before
            before[image] = min(taken.before, before.get(image, taken.before))
        if self.training is not None:
            left_out = self._workspace.exclusion.active
            for told in self.training.log(taken, left_out=left_out):
                self.logged.emit(told)
        self._prediction.prepare(self._workspace.annotation.class_names)
        self.changed.emit()

    def _on_step(self, step: "TrainingStep") -> None:
        self.status.fraction = step.fraction
        self.curves.add_step(step.seconds, step.loss)
        self.changed.emit()

    def _on_model(self, ready: "ModelReady") -> None:
        training = self.training
        if training is None:
            return
        if ready.scores is not None:
            scores, strokes = ready.scores, training.labels.strokes
            self.curves.add_scores(ready.seconds, scores.loss, scores.dice, strokes)
        model = training.model(ready)
        self.numbers = ready.number
        self._images.note(training.labels.members, ready.by_image)
        self.status.settled = ready.settled
        self._history.consider(model, seconds=ready.seconds, settled=ready.settled)
        try:
            self._prediction.use(model)
        except InputError as error:  # the image was changed under the training
            self.gave_up.emit(str(error))
        self.status.blocks = (0, self.status.blocks[1])
        self.changed.emit()

    def _on_activity(self, activity: "Activity") -> None:
        self.status.reason = activity.reason
        self._enter(Phase(activity.kind))

    def _on_block(self, block: "BlockPredicted") -> None:
        training = self.training
        if training is not None and block.image != training.labels.shown:
            return  # of an image that is not shown any more
        self._prediction.take(block)
        self.status.blocks = (block.done, block.total)
        self.status.hasty = block.hasty
        self.status.halved |= block.halved
        self.changed.emit()

    def _on_finished(self) -> None:
        self.training = None
        self._enter(Phase.IDLE)
        self.ended.emit()
