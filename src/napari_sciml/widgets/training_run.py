"""A training in a viewer: starts it, and turns its events into state."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError
from napari_sciml.jobs.learning import TrainingControl, learn
from napari_sciml.jobs.live import predict_volume
from napari_sciml.storage.runs import RunTook, run_started
from napari_sciml.training.config import TrainingConfig
from napari_sciml.widgets.images import dims_for, pixels
from napari_sciml.widgets.prediction import Model

if TYPE_CHECKING:
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.events import (
        Activity,
        LabelsTaken,
        ModelReady,
        TrainingStep,
    )
    from napari_sciml.widgets.session import ViewerSession

MOST_POINTS = 4000
"""Of a curve; every other one is dropped beyond."""


class Phase(Enum):
    """What is going on."""

    IDLE = "idle"
    STARTING = "starting"
    TRAINING = "training"
    WAITING = "waiting"
    PAUSED = "paused"
    PREDICTING = "predicting"


@dataclass
class Curves:
    """Against seconds: loss in nats, and Dice of each class on held-out strokes."""

    training: list[tuple[float, float]] = field(default_factory=list)
    held_out: list[tuple[float, float]] = field(default_factory=list)
    dice: list[tuple[float, tuple[float, ...]]] = field(default_factory=list)

    def add_step(self, seconds: float, loss: float) -> None:
        """A step more; old ones become sparser."""
        self.training.append((seconds, loss))
        if len(self.training) > MOST_POINTS:
            del self.training[: MOST_POINTS // 2 : 2]


class TrainingRun:
    """The training and prediction of one viewer.

    Attributes
    ----------
    phase
        What is going on.
    settled
        Whether the training has learned all it can from the strokes so far.
    taken
        Revision of the annotation that the training has taken in.
    blocks
        Blocks of the image that are predicted by the model at hand, and in all.
    logged
        Emitted with all that a replay of a training needs to know.
    """

    changed = Signal()
    logged = Signal(object)
    failed = Signal(str)

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self.phase = Phase.IDLE
        self.settings = TrainingConfig()
        self.fraction = 0.0
        self.blocks = (0, 0)
        self.curves = Curves()
        self.stopped = False
        self.settled = False
        self.taken: int | None = None
        self._reason = ""
        self._halved = False
        self._next: TrainingConfig | None = None
        self._numbers = self._run = self._logged_run = 0
        self._feed: LabelFeed | None = None
        self._given = LabelStore((0,))
        self._control = TrainingControl()
        runner = session.runner
        runner.yielded.connect(self._on_event)
        runner.failed.connect(self._on_failed)
        runner.finished.connect(self._on_finished)

    @property
    def running(self) -> bool:
        """Whether the switch is on."""
        return self.phase is not Phase.IDLE

    @property
    def paused(self) -> bool:
        """Whether a training that runs makes a pause."""
        return self.running and self._control.paused

    @property
    def progress(self) -> float:
        """Of what is going on, 0 to 1."""
        done, total = self.blocks
        if self.phase is Phase.TRAINING or not total:
            return self.fraction
        return done / total

    def sentence(self) -> str:
        """Tell a person what is going on."""
        done, total = self.blocks
        predicting = f"Predicting {done} of {total} blocks." if done < total else ""
        if predicting and self._halved:
            predicting += " Memory is short: in smaller parts, which takes longer."
        match self.phase:
            case _ if self.stopped and self.running:
                return "Stopping …"
            case Phase.STARTING:
                return "Getting ready …"
            case Phase.TRAINING:
                return "Training: goes on while you paint."
            case Phase.PAUSED:
                return f"Paused. {predicting}".strip()
            case Phase.WAITING if self._reason:
                return f"Waiting for labels. {self._reason}"
            case Phase.WAITING:
                return predicting or (
                    "Done for now: the whole image is predicted. Waiting for more "
                    "labels."
                )
            case Phase.PREDICTING:
                return predicting or "Predicting …"
        return self._idle_sentence()

    def _idle_sentence(self) -> str:
        volume = self._session.prediction.probabilities
        if volume is not None and volume.complete:
            return "Done: the whole image is predicted."
        if not self.stopped:
            return ""
        if self._session.prediction.model is None:
            return "Stopped before the first model was ready."
        return "Stopped; the last model is kept. Press Predict to apply it everywhere."

    def start(self, settings: TrainingConfig) -> None:
        """Train on the annotation as it is and as it will become.

        Raises
        ------
        InputError
            When it cannot start.
        """
        session = self._session
        image = pixels(session.image)
        first = session.labels_for_job()
        assert session.image is not None
        dims = dims_for(session.image)
        if dims is not None:
            settings = settings.model_copy(update={"dims": dims})
        annotation = session.annotation
        feed = LabelFeed(first if len(first) else None, annotation.class_names)
        session.runner.check_free()
        self.settings, self._control = settings, TrainingControl()
        self._feed, self._given = feed, LabelStore(annotation.store.shape)
        self._given.write(first.indices, first.values)
        self._run += 1
        session.follow_view()
        session.runner.start(
            learn,
            image,
            feed,
            settings,
            view=session.target,
            control=self._control,
            first_number=self._numbers + 1,
        )
        self._begin(Phase.STARTING)
        self.curves, self.fraction, self.taken = Curves(), 0.0, None

    def predict(self, device: str = "auto") -> None:
        """Predict the whole image with the model at hand.

        Raises
        ------
        InputError
            When there is no model or it does not fit the image.
        """
        session = self._session
        image = pixels(session.image)
        session.runner.check_free()
        session.prediction.renew()
        model = session.prediction.model
        assert model is not None
        session.follow_view()
        session.runner.start(
            predict_volume, model.ensemble, image, session.target, device=device
        )
        self._begin(Phase.PREDICTING)

    def stop(self) -> None:
        """Stop soon, and do not start over; what is there already stays usable."""
        self._next = None
        if self.running:
            self.stopped = True
            self._session.runner.stop()
            self.changed.emit()

    def pause(self, paused: bool) -> None:
        """Hold a training, or let it go on; what is shown is predicted all the same."""
        self._control.paused = paused
        if not paused and self.running:
            model = self._session.history.newest
            if model is not None and model is not self._session.prediction.model:
                self.show(model, pause=False)
        self.changed.emit()

    def start_over(self, settings: TrainingConfig) -> None:
        """Begin with untrained networks on the same annotation.

        Raises
        ------
        InputError
            When it cannot start.
        """
        if not self.running:
            self.start(settings)
            return
        self.stop()
        self._next = settings

    def show(self, model: Model, *, pause: bool = True) -> None:
        """Use an earlier model from now on.

        Raises
        ------
        InputError
            When it does not fit the image.
        """
        if self.phase is Phase.PREDICTING:
            raise InputError("A prediction is running: wait for its end or stop it.")
        self._session.prediction.use(model)
        if self.phase is Phase.IDLE:
            self.predict(self.settings.device)
            return
        self._control.model = (model.number, model.ensemble)
        if pause:
            self._control.paused = True
        self.changed.emit()

    def count_on(self, *, models: int, runs: int) -> None:
        """Give numbers to models and trainings that come after the ones of a project.

        A training that runs keeps its own: stop it first.
        """
        self._numbers = max(self._numbers, models)
        self._run = self._logged_run = max(self._run, runs)

    def feed(self, change: LabelChange) -> None:
        """Hand a change of the annotation to the training, where one runs."""
        if self._feed is not None:
            change = self._session.exclusion.without(change, self._given.shape)
            self._given.write(change.indices, change.values)
            self._feed.put(change)

    def follow_layer(self) -> None:
        """The annotation is another layer or array now, or deleted.

        A training goes on: with what it has, or with how the new labels differ.
        """
        annotation = self._session.annotation
        if self._feed is None or annotation.layer is None:
            return
        now, given = annotation.learned(), self._given
        if now.shape != given.shape:
            self.stop()
            self.failed.emit(
                "The annotation has another shape now, so the training was stopped: "
                "press Train to begin anew."
            )
            return
        places = np.union1d(given.indices, now.indices)
        change = given.write(places, now.labels_at(places))
        if change is not None:
            self._feed.put(replace(change, revision=now.revision))

    def follow_classes(self) -> None:
        """Names can change while a training runs; the number of classes cannot."""
        if self._feed is None:
            return
        names = self._session.annotation.class_names
        if len(names) == len(self._feed.class_names):
            self._feed.rename(names)
        else:
            self.stop()
            self.failed.emit(
                "The number of classes has changed, so the training was stopped: "
                "press Train to begin anew with the new classes."
            )

    def _begin(self, phase: Phase) -> None:
        self._session.prediction.begin()
        self.stopped, self.blocks, self._reason = False, (0, 0), ""
        self._halved = False
        self.settled = False
        self._enter(phase)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.changed.emit()

    def _on_event(self, event: object) -> None:
        # The job has imported torch long before its first event.
        from napari_sciml.prediction.blockwise import BlockPredicted
        from napari_sciml.training.events import (
            Activity,
            LabelsTaken,
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
        elif isinstance(event, LabelsTaken):
            self.taken, self.settled = event.revision, False
            self._log(event)
            self._session.prediction.prepare(self._session.annotation.class_names)
            self.changed.emit()

    def _log(self, taken: "LabelsTaken") -> None:
        if self._run != self._logged_run:
            self._logged_run = self._run
            names = () if self._feed is None else self._feed.class_names
            self.logged.emit(run_started(self._run, self.settings, names))
        self.logged.emit(RunTook(self._run, taken.round, taken.revision))

    def _on_step(self, step: "TrainingStep") -> None:
        self.fraction = step.fraction
        self.curves.add_step(step.seconds, step.loss)
        self.changed.emit()

    def _on_model(self, ready: "ModelReady") -> None:
        if ready.scores is not None and ready.kind == "ensemble":
            self.curves.held_out.append((ready.seconds, ready.scores.loss))
            self.curves.dice.append((ready.seconds, ready.scores.dice))
        model = Model(
            ready.ensemble,
            number=ready.number,
            kind=ready.kind,
            revision=ready.revision,
            scores=ready.scores,
            calibration=ready.calibration,
            settings=self.settings,
            run=self._run,
            round=ready.round,
            seconds=ready.seconds,
        )
        self._numbers = ready.number
        self.settled = ready.settled
        self._session.history.consider(
            model, seconds=ready.seconds, settled=ready.settled
        )
        try:
            self._session.prediction.use(model)
        except InputError as error:  # the image was changed under the training
            self.stop()
            self.failed.emit(str(error))
        self.blocks = (0, self.blocks[1])
        self.changed.emit()

    def _on_activity(self, activity: "Activity") -> None:
        self._reason = activity.reason
        self._enter(Phase(activity.kind))

    def _on_block(self, block: "BlockPredicted") -> None:
        self._session.prediction.take(block)
        self.blocks = (block.done, block.total)
        self._halved |= block.halved
        self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _on_finished(self) -> None:
        self._feed = None
        again, self._next = self._next, None
        self._enter(Phase.IDLE)
        if again is not None:
            try:
                self.start(again)
            except InputError as error:
                self.failed.emit(str(error))
