"""A training in a viewer: starts it, and turns its events into state."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sciml.jobs.live import predict_volume, train_and_predict
from napari_sciml.training.config import TrainingConfig
from napari_sciml.widgets.images import gray_values
from napari_sciml.widgets.prediction import Model

if TYPE_CHECKING:
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.events import Snapshot, TrainingStep
    from napari_sciml.widgets.session import ViewerSession


class Phase(Enum):
    """What is going on."""

    IDLE = "idle"
    STARTING = "starting"
    TRAINING = "training"
    PREDICTING = "predicting"


@dataclass
class Curves:
    """Loss against seconds, in nats."""

    training: list[tuple[float, float]] = field(default_factory=list)
    held_out: list[tuple[float, float]] = field(default_factory=list)


class TrainingRun:
    """The training and prediction of one viewer."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self.phase = Phase.IDLE
        self.settings = TrainingConfig()
        self.fraction = 0.0
        self.blocks = (0, 0)
        self.curves = Curves()
        self.stopped = False
        runner = session.runner
        runner.yielded.connect(self._on_event)
        runner.failed.connect(self._on_failed)
        runner.finished.connect(self._on_finished)

    @property
    def seconds_left(self) -> float:
        """Of the training."""
        return self.settings.seconds * (1 - self.fraction)

    @property
    def progress(self) -> float:
        """Of what is going on, 0 to 1."""
        done, total = self.blocks
        if self.phase is Phase.PREDICTING or total:
            return done / total if total else 0.0
        return self.fraction

    def sentence(self) -> str:
        """Tell a person what is going on."""
        if self.stopped:
            return self._stopped_sentence()
        done, total = self.blocks
        if self.phase is Phase.STARTING:
            return "Getting ready …"
        if self.phase is Phase.TRAINING:
            return f"Training, {max(0, round(self.seconds_left))} s left"
        if self.phase is Phase.PREDICTING:
            return f"Predicting {done} of {total}" if total else "Predicting …"
        return "Done: the whole image is predicted." if total and done == total else ""

    def _stopped_sentence(self) -> str:
        if self.phase is not Phase.IDLE:
            return "Stopping …"
        if self._session.prediction.model is None:
            return "Stopped before the first model was ready."
        return (
            "Stopped; the last model is kept, though its probabilities are not "
            "corrected for how rare a class is. Press Predict to apply it everywhere."
        )

    def start(self, settings: TrainingConfig) -> None:
        """Train on the annotation as it is now, then predict the image.

        Raises
        ------
        InputError
            When it cannot start.
        """
        session = self._session
        image = gray_values(session.image)
        labels = session.labels_for_job()
        self.settings = settings
        self._begin(
            train_and_predict,
            image,
            labels,
            settings,
            view=session.target,
            class_names=session.annotation.class_names,
            revision=session.annotation.revision,
        )
        self.curves = Curves()
        self.fraction = 0.0
        self._enter(Phase.STARTING)

    def predict(self, device: str = "auto") -> None:
        """Predict the whole image with the model at hand.

        Raises
        ------
        InputError
            When there is no model or it does not fit the image.
        """
        session = self._session
        image = gray_values(session.image)
        session.runner.check_free()
        session.prediction.renew()
        model = session.prediction.model
        assert model is not None
        self._begin(
            predict_volume, model.ensemble, image, session.target, device=device
        )
        self._enter(Phase.PREDICTING)

    def stop(self) -> None:
        """Stop soon; what is there already stays usable."""
        if self.phase is not Phase.IDLE:
            self.stopped = True
            self._session.runner.stop()
            self.changed.emit()

    def _begin(self, job: Callable[..., Generator], *args: Any, **kwargs: Any) -> None:
        self._session.follow_view()
        self._session.runner.start(job, *args, **kwargs)
        self._session.prediction.begin()
        self.stopped = False
        self.blocks = (0, 0)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.changed.emit()

    def _on_event(self, event: object) -> None:
        if self.phase is Phase.IDLE:
            return
        # The job has imported torch long before its first event.
        from napari_sciml.prediction.blockwise import BlockPredicted
        from napari_sciml.training.events import Snapshot, TrainingStep

        if isinstance(event, TrainingStep):
            self._on_step(event)
        elif isinstance(event, Snapshot):
            self._on_snapshot(event)
        elif isinstance(event, BlockPredicted):
            self._on_block(event)

    def _on_step(self, step: "TrainingStep") -> None:
        if self.phase is Phase.STARTING:
            self._session.prediction.prepare(self._session.annotation.class_names)
        self.fraction = step.fraction
        self.curves.training.append((step.seconds, step.loss))
        self._enter(Phase.TRAINING)

    def _on_snapshot(self, snapshot: "Snapshot") -> None:
        self.fraction = snapshot.fraction
        if snapshot.scores is not None:
            self.curves.held_out.append((snapshot.seconds, snapshot.scores.loss))
        model = Model(
            snapshot.ensemble,
            snapshot.revision,
            snapshot.scores,
            snapshot.calibration,
            self.settings,
            snapshot.state,
        )
        self._session.prediction.use(model)
        final = snapshot.fraction >= 1
        self._enter(Phase.PREDICTING if final else Phase.TRAINING)

    def _on_block(self, block: "BlockPredicted") -> None:
        self._session.prediction.take(block)
        if self.phase is Phase.PREDICTING:
            self.blocks = (block.done, block.total)
            self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        if self.phase is not Phase.IDLE:
            self.failed.emit(sentence)

    def _on_finished(self) -> None:
        if self.phase is not Phase.IDLE:
            self._enter(Phase.IDLE)
