"""Learn while somebody paints, and predict where he looks: one endless job."""

import copy
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.checks import check_finite
from napari_sciml.prediction.viewport import ViewportMailbox

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.evaluation.calibration import Calibration
    from napari_sciml.training.events import (
        Activity,
        LabelsUpdated,
        ModelReady,
        TrainingStep,
    )
    from napari_sciml.training.live import LiveTraining
    from napari_sciml.training.start import Start

    Event = TrainingStep | ModelReady | BlockPredicted | LabelsUpdated | Activity | None

NAP = 0.05
"""Seconds between two looks whether there is something to do."""
CALIBRATION_SECONDS = 20.0
TWO_CLASSES = "Paint at least two classes, for instance background and fiber."


class TrainingControl:
    """What a person wants of a running training; set in the GUI thread.

    Attributes
    ----------
    paused
        Only predict until this is False again.
    model
        A model to show instead of the training's own, with its number.
    shown
        Number of the image that is shown, of a mosaic of several.
    """

    def __init__(self) -> None:
        self.paused = False
        self.model: tuple[int, Ensemble] | None = None
        self.shown = 0


def learn(
    image: Any,
    feed: LabelFeed,
    config: "TrainingConfig",
    *,
    view: ViewportMailbox,
    control: TrainingControl | None = None,
    first_number: int = 1,
    start: "Start | None" = None,
    before: int | None = None,
) -> Generator["Event", None, None]:
    """Train on the labels that come, for as long as they may come.

    As soon as two classes are there, trees answer for what is on the screen; networks
    learn beside them and count as far as they help. New strokes are taken in at once.
    When nothing changes any more, the model is calibrated, the whole image is
    predicted, and the job waits for more labels.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; or a mosaic of
        several, of which one at a time is shown and predicted.
    feed
        Brings the labels, from an empty annotation on.
    config
        Settings. ``seconds`` is the time after the last new label that it trains on
        at most; without a number of threads, a core is left to the viewer.
    view
        Where the user looks; may change at any time.
    control
        Pauses.
    first_number
        Of the first model.
    start
        An earlier model to begin with: it is shown until there are two classes, and
        counts as far as the labels agree with it.
    before
        Strokes among the first labels that were painted before any picture was shown,
        by an earlier training; none = all of them. The others correct a picture.

    Yields
    ------
    TrainingStep, ModelReady, BlockPredicted, LabelsUpdated, Activity or None
        None is a chance to stop. The job ends only when it is closed.

    Raises
    ------
    InputError
        When the image or the settings cannot be used.
    """
    from napari_sciml.networks.device import resolve_device
    from napari_sciml.training.optimization.optimizers import warm_up

    if isinstance(image, np.ndarray):  # others are checked block by block
        check_finite(image)
    learner = _Learner(image, feed, config, view, control or TrainingControl(), start)
    learner.number, learner.before = first_number - 1, before
    yield from learner.turn()
    # Or the first picture and the first step would wait for it.
    warm_up(config.optimizer, resolve_device(config.device))
    while True:
        yield from learner.turn()


class _Learner:
    """What `learn` holds on to."""

    def __init__(
        self,
        image: Any,
        feed: LabelFeed,
        config: "TrainingConfig",
        view: ViewportMailbox,
        control: TrainingControl,
        start: "Start | None",
    ) -> None:
        from napari_sciml.networks.device import (
            default_threads,
            resolve_device,
            use_threads,
        )
        from napari_sciml.workflows.training.shown_image import ShownImage

        use_threads(config.threads or default_threads(viewer=True))
        self.image, self.feed, self.config = image, feed, config
        self.control = control
        self.shown = ShownImage(
            image, view, resolve_device(config.device), control.shown
        )
        self.training: LiveTraining | None = None
        self._start = start
        self.before: int | None = None
        if start is not None:
            self.shown.use(copy.deepcopy(start.ensemble), 0, urgent=True)
        self.number = self.revision = 0
        self.seconds = 0.0
        self._labels = Scribbles.empty(image.shape)
        self._labels_at = self._handed_out = self._calibrated = 0.0
        self._obstacle = TWO_CLASSES
        self._told: Activity | None = None
        self._calibration: Calibration | None = None
        self._state_shown: tuple[Any, ...] = ()
        self._finished = False

    def turn(self) -> Generator["Event", None, None]:
        """A round of training, or of waiting."""
        if self.control.model is not None:
            (number, ensemble), self.control.model = self.control.model, None
            self.shown.use(ensemble, number, urgent=True)
        self.shown.switch_to(self.control.shown)
        if self.control.paused:
            yield from self._rest("paused")
            return
        if self.feed.waiting:
            yield from self._take_labels()
        if self.training is None or self._obstacle:
            yield from self._rest("waiting", self._obstacle)
        elif not self._is_over(self.training):
            yield from self._train(self.training)
        elif not self._finished:
            yield from self._finish(self.training)
        else:
            yield from self._rest("waiting")

    def _is_over(self, training: "LiveTraining") -> bool:
        """Whether it learns no more without more labels."""
        late = self.seconds - self._labels_at > self.config.seconds
        return training.settled or late

    def _take_labels(self) -> Generator["Event", None, None]:
        from napari_sciml.training.events import LabelsUpdated, TreesGrown

        changes = self.feed.take()
        self.shown.attend(changes[-1].indices)
        round_ = 0 if self.training is None else self.training.round
        try:
            training = self._taken(changes)
        except InputError as error:
            self._obstacle = str(error)
            return
        self._obstacle, self._finished = "", False
        self.revision, self._labels_at = changes[-1].revision, self.seconds
        yield LabelsUpdated(self.revision, round_, training.before)
        yield from self._tell("training")
        grown = False
        for event in training.advance():
            if isinstance(event, TreesGrown):
                grown = True
                if not self._state_shown:
                    yield from self._sketch(training)
                yield (yield from self._hand_out(training))
            if grown:
                yield from self._look()
            else:
                yield None

    def _sketch(self, training: "LiveTraining") -> Generator["Event", None, None]:
        """Show the first stage of the first trees before anything else is known.

        Where to cut, and what the second stage sees around, costs several times as
        much as this first look.
        """
        trees = training.hasty()
        if trees is None:
            return
        self.shown.use(trees, 0, urgent=True)
        while self.shown.scheduler.blank and not self.feed.waiting:
            yield self.shown.advance()

    def _taken(self, changes: Sequence[LabelChange]) -> "LiveTraining":
        from napari_sciml.training.live import LiveTraining

        if self.training is not None:
            self.training.update_labels(changes)
            return self.training
        for change in changes:
            self._labels = self._labels.changed(change)
        self.training = LiveTraining(
            self.image,
            self._labels,
            self.config,
            self.feed.class_names,
            start=self._start,
            before=self.before,
        )
        return self.training

    def _train(self, training: "LiveTraining") -> Generator["Event", None, None]:
        from napari_sciml.training.events import TrainingStep

        yield from self._tell("training")
        clock = time.monotonic()
        for step in training.advance():
            self.seconds += time.monotonic() - clock
            if isinstance(step, TrainingStep):
                yield replace(step, seconds=self.seconds)
            yield from self._look()
            clock = time.monotonic()
        if self._is_news(training):
            yield (yield from self._hand_out(training))
        owed = self._labels_at >= self._handed_out
        if not owed and self.seconds - self._calibrated > CALIBRATION_SECONDS:
            yield from self._calibrate(training)

    def _look(self) -> Generator["Event", None, None]:
        """Let the prediction have its share; what the user waits for comes at once."""
        self.shown.switch_to(self.control.shown)
        yield self.shown.advance() if self.shown.scheduler.is_due() else None
        while self.shown.scheduler.urgent and not self.feed.waiting:
            yield self.shown.advance()

    def _is_news(self, training: "LiveTraining") -> bool:
        """Whether there is a better ensemble than the one that is shown."""
        late = self.seconds - self._handed_out > self.config.snapshot_seconds
        return training.looked and late and self._state(training) != self._state_shown

    def _state(self, training: "LiveTraining") -> tuple[Any, ...]:
        """What the picture depends on but the labels."""
        scores = tuple(member.best for member in training.trainer.members)
        trust = round(training.ensemble_trust, 2)
        return (trust, scores if trust else ())

    def _finish(self, training: "LiveTraining") -> Generator["Event", None, None]:
        """The best there is, with what its probabilities mean."""
        calibrated = yield from self._calibrate(training)
        if not calibrated:
            return
        self._finished = True
        yield (yield from self._hand_out(training, settled=True))

    def _calibrate(self, training: "LiveTraining") -> Generator["Event", None, bool]:
        """Look at a copy of what is shown; given up when new labels come."""
        looking = training.calibrate((yield from training.ready()))
        while True:
            try:
                next(looking)
            except StopIteration as stop:
                self._calibration = stop.value
                self._calibrated = self.seconds
                return True
            yield from self._look()
            if self.feed.waiting or self.control.paused:
                return False

    def _hand_out(
        self, training: "LiveTraining", *, settled: bool = False
    ) -> "Generator[None, None, ModelReady]":
        """Predict with what is known best from now on."""
        from napari_sciml.training.events import ModelReady

        # Nobody else uses this copy, so that it can be changed.
        ensemble = yield from training.ready()
        if training.trainer.teacher is None and self._calibration is not None:
            ensemble.set_calibration(
                temperature=self._calibration.temperature,
                log_prior_ratio=self._calibration.offsets,
            )
        ensemble.class_names = self.feed.class_names
        self.number += 1
        urgent = self._labels_at >= self._handed_out
        self._handed_out = self.seconds
        self._state_shown = self._state(training)
        self.shown.use(ensemble, self.number, urgent=urgent)
        return ModelReady(
            number=self.number,
            kind="ensemble" if ensemble.trust > 0 else "trees",
            ensemble=ensemble,
            scores=training.scores(),
            revision=self.revision,
            round=training.round,
            seconds=self.seconds,
            calibration=self._calibration,
            settled=settled,
            steps=training.steps_taken,
            goes_on=training.trainer.goes_on,
            by_image=tuple(training.trainer.scores_by_image()),
        )

    def _rest(
        self, kind: Literal["waiting", "paused"], reason: str = ""
    ) -> Generator["Event", None, None]:
        """Predict what is left, or take a nap."""
        yield from self._tell(kind, reason)
        if not self.shown.scheduler.complete:
            yield self.shown.advance()
        else:
            self.feed.wait(NAP)
            yield None

    def _tell(
        self, kind: Literal["training", "waiting", "paused"], reason: str = ""
    ) -> Generator["Event", None, None]:
        from napari_sciml.training.events import Activity

        activity = Activity(kind, reason)
        if activity != self._told:
            self._told = activity
            yield activity
