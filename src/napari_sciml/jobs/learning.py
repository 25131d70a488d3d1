"""Learn while somebody paints, and predict where he looks: one endless job."""

import time
from collections.abc import Generator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.checks import check_finite
from napari_sciml.prediction.view import ViewTarget

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.calibration import Calibration
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.events import (
        Activity,
        LabelsTaken,
        ModelReady,
        TrainingStep,
    )
    from napari_sciml.training.live import LiveTraining
    from napari_sciml.training.metrics import Scores

    Event = TrainingStep | ModelReady | BlockPredicted | LabelsTaken | Activity | None

Kind = Literal["instant", "ensemble"]

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
    """

    def __init__(self) -> None:
        self.paused = False
        self.model: tuple[int, Ensemble] | None = None


def learn(
    image: Any,
    feed: LabelFeed,
    config: "TrainingConfig",
    *,
    view: ViewTarget,
    control: TrainingControl | None = None,
    first_number: int = 1,
) -> Generator["Event", None, None]:
    """Train on the labels that come, for as long as they may come.

    As soon as two classes are there, a cheap model answers for what is on the
    screen; the ensemble takes its place when it is better on held-out strokes. New
    strokes are taken in at once. When nothing changes any more, the model is
    calibrated, the whole image is predicted, and the job waits for more labels.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``.
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

    Yields
    ------
    TrainingStep, ModelReady, BlockPredicted, LabelsTaken, Activity or None
        None is a chance to stop. The job ends only when it is closed.

    Raises
    ------
    InputError
        When the image or the settings cannot be used.
    """
    from napari_sciml.training.optimization import warm_up

    if isinstance(image, np.ndarray):  # others are checked block by block
        check_finite(image)
    learner = _Learner(image, feed, config, view, control or TrainingControl())
    learner.number = first_number - 1
    yield from learner.turn()
    warm_up()  # or the first picture would wait for it
    while True:
        yield from learner.turn()


class _Learner:
    """What `learn` holds on to."""

    def __init__(
        self,
        image: Any,
        feed: LabelFeed,
        config: "TrainingConfig",
        view: ViewTarget,
        control: TrainingControl,
    ) -> None:
        import torch

        from napari_sciml.networks.device import default_threads, resolve_device
        from napari_sciml.prediction.lookout import Lookout

        torch.set_num_threads(config.threads or default_threads(viewer=True))
        self.image, self.feed, self.config = image, feed, config
        self.control = control
        self.lookout = Lookout(image, view, resolve_device(config.device))
        self.training: LiveTraining | None = None
        self.number = self.revision = 0
        self.seconds = 0.0
        self._labels = Scribbles.empty(image.shape)
        self._labels_at = self._handed_out = self._calibrated = 0.0
        self._obstacle = TWO_CLASSES
        self._told: Activity | None = None
        self._instant: tuple[Ensemble, Scores | None] | None = None
        self._calibration: Calibration | None = None
        self._shown: list[Scores | None] = []
        self._finished = False

    def turn(self) -> Generator["Event", None, None]:
        """A round of training, or of waiting."""
        if self.control.model is not None:
            (number, ensemble), self.control.model = self.control.model, None
            self.lookout.use(ensemble, number, urgent=True)
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
        from napari_sciml.training.events import LabelsTaken

        changes = self.feed.take()
        round_ = 0 if self.training is None else self.training.round
        try:
            training = self._taken(changes)
        except InputError as error:
            self._obstacle = str(error)
            return
        self._obstacle, self._finished = "", False
        self.revision, self._labels_at = changes[-1].revision, self.seconds
        yield LabelsTaken(self.revision, round_)
        yield from self._tell("training")
        if not training.taken_over:
            yield from self._show_instant(training)
        for _ in training.team.test.prepare():
            yield from self._look()

    def _taken(self, changes: Sequence[LabelChange]) -> "LiveTraining":
        from napari_sciml.training.live import LiveTraining

        if self.training is not None:
            self.training.take(changes)
            return self.training
        for change in changes:
            self._labels = self._labels.changed(change)
        self.training = LiveTraining(
            self.image, self._labels, self.config, self.feed.class_names
        )
        return self.training

    def _show_instant(self, training: "LiveTraining") -> Generator["Event", None, None]:
        """The cheap model's answer: first its picture, then how good it is."""
        ensemble = yield from training.learn_instant()
        yield self._hand_out("instant", ensemble, None)
        yield from self._look()
        scores = yield from training.judge(ensemble)
        self._instant = ensemble, scores

    def _train(self, training: "LiveTraining") -> Generator["Event", None, None]:
        yield from self._tell("training")
        clock = time.monotonic()
        for step in training.steps():
            self.seconds += time.monotonic() - clock
            yield step and replace(step, seconds=self.seconds)
            yield from self._look()
            clock = time.monotonic()
        instant = self._instant and self._instant[1]
        if training.takes_over(instant) and self._is_news(training):
            yield self._hand_out(
                "ensemble", training.team.best(), training.team.scores()
            )
        owed = self._labels_at >= self._handed_out
        if not owed and self.seconds - self._calibrated > CALIBRATION_SECONDS:
            yield from self._calibrate(training)

    def _look(self) -> Generator["Event", None, None]:
        """Let the prediction have its share; what the user waits for comes at once."""
        yield self.lookout.advance() if self.lookout.is_due() else None
        while self.lookout.urgent and not self.feed.waiting:
            yield self.lookout.advance()

    def _is_news(self, training: "LiveTraining") -> bool:
        """Whether there is a better ensemble than the one that is shown."""
        if self._labels_at >= self._handed_out:  # something new was painted since
            return training.looked or not len(training.team.test)
        scores = [member.best for member in training.team.members]
        same = scores == self._shown and any(scores)
        late = self.seconds - self._handed_out > self.config.snapshot_seconds
        return late and not same

    def _finish(self, training: "LiveTraining") -> Generator["Event", None, None]:
        """The best there is, with what its probabilities mean."""
        calibrated = yield from self._calibrate(training)
        if not calibrated:
            return
        self._finished = True
        yield self._hand_out(*self._better(training), settled=True)

    def _better(
        self, training: "LiveTraining"
    ) -> "tuple[Kind, Ensemble, Scores | None]":
        """The ensemble or the cheap model, as a copy, and its scores."""
        if self._instant is None or training.takes_over(self._instant[1]):
            return "ensemble", training.team.best(), training.team.scores()
        ensemble, scores = self._instant
        return "instant", deepcopy(ensemble), scores

    def _calibrate(self, training: "LiveTraining") -> Generator["Event", None, bool]:
        """Look at a copy of what is shown; given up when new labels come."""
        _, ensemble, _ = self._better(training)
        looking = training.calibrate(ensemble)
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
        self,
        kind: "Kind",
        ensemble: "Ensemble",
        scores: "Scores | None",
        *,
        settled: bool = False,
    ) -> "ModelReady":
        from napari_sciml.training.events import ModelReady

        assert self.training is not None
        # Nobody else uses this copy, so that it can be changed.
        calibration = self._calibration if kind == "ensemble" or settled else None
        ensemble.class_names = self.feed.class_names
        if calibration is not None:
            ensemble.set_calibration(
                temperature=calibration.temperature,
                log_prior_ratio=calibration.offsets,
            )
        self.number += 1
        urgent = self._labels_at >= self._handed_out
        self._handed_out = self.seconds
        self._shown = [member.best for member in self.training.team.members]
        self.lookout.use(ensemble, self.number, urgent=urgent)
        return ModelReady(
            number=self.number,
            kind=kind,
            ensemble=ensemble,
            scores=scores,
            revision=self.revision,
            round=self.training.round,
            seconds=self.seconds,
            calibration=calibration,
            settled=settled,
        )

    def _rest(
        self, kind: Literal["waiting", "paused"], reason: str = ""
    ) -> Generator["Event", None, None]:
        """Predict what is left, or take a nap."""
        yield from self._tell(kind, reason)
        if not self.lookout.complete:
            yield self.lookout.advance()
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
