"""A training between two events: its members, its budget, its state."""

import time
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles, as_scribbles
from napari_sciml.annotation.split import hold_out
from napari_sciml.errors import InputError
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.ensemble_trainer import EnsembleTrainer
from napari_sciml.training.evaluation.calibration import Calibration
from napari_sciml.training.evaluation.validation_set import ValidationSet
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.setup import MakeNetwork, fingerprint
from napari_sciml.training.start import Start
from napari_sciml.training.state import TrainingState
from napari_sciml.uncertainty.cut import sampling_of

Split = tuple[np.ndarray, np.ndarray] | tuple[Scribbles, Scribbles]
"""Labels to train on, and labels held out."""


class TrainingLoop:
    """What a training holds on to between two events.

    Parameters
    ----------
    image, labels, config, class_names, make_network, split, start
        As in `napari_sciml.training.session.train`, checked.
    only
        Number of the one member to train; None = all of them. The others are made all
        the same, so that randomness and fingerprint are those of the whole.
    """

    def __init__(
        self,
        image: Any,
        labels: Scribbles,
        config: TrainingConfig,
        class_names: Sequence[str],
        *,
        make_network: MakeNetwork | None = None,
        split: Split | None = None,
        start: Start | None = None,
        only: int | None = None,
    ) -> None:
        self.image, self.config = image, config
        self.seconds = self.fraction = self._started = 0.0
        self.trainer = EnsembleTrainer(
            image, labels, config, class_names, make_network, start
        )
        exhaust(self.trainer.evaluate_start(labels))
        parts = split or hold_out(
            labels,
            fraction=config.holdout,
            gap=config.gap,
            rng=self.trainer.rng,
            by=config.split,
        )
        trained, held_out = map(as_scribbles, parts)
        self.fingerprint = fingerprint(
            image, (labels, trained, held_out), config, self.trainer.ensemble, start
        )
        self.trainer.assign(trained, held_out)
        self._labels = labels
        self._sampling = sampling_of(len(labels.strokes()), config.before)
        numbers = range(config.members) if only is None else [only]
        self.members = {number: self.trainer.members[number] for number in numbers}

    @property
    def validation(self) -> ValidationSet:
        """The held-out labels."""
        return self.trainer.validation

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up, or nothing becomes better any more."""
        patience = self.config.patience
        waited = min(member.evaluations_since_best for member in self.members.values())
        return self.fraction >= 1 or (patience is not None and waited >= patience)

    def prepare(self) -> Generator[None, None, None]:
        """All that comes before the first round; its time does not count."""
        yield from self.validation.prepare()
        if self.trainer.teacher is not None:
            yield from self.trainer.teacher.grow(self._labels, sampling=self._sampling)
            yield from self.trainer.teacher.lessons.catch_up(self._rounds)
        self._started = time.monotonic() - self.seconds

    @property
    def _rounds(self) -> int:
        return max(member.steps for member in self.members.values())

    def round(self) -> Generator[TrainingStep | None, None, None]:
        """One step of each member, and now and then a look at the held-out labels."""
        if self.trainer.teacher is not None:
            for _ in self.trainer.teacher.lessons.prepare(self._rounds):
                yield None
        for number, member in self.members.items():
            loss = self.trainer.advance(member, self.fraction)
            self.seconds = time.monotonic() - self._started
            yield TrainingStep(number, member.steps, loss, self.seconds, self.fraction)
        self.end_round()

    def end_round(self) -> None:
        """All members have taken a step: see how much of the budget is left."""
        if self.config.steps is not None:
            # Members that were trained apart may have stopped early on their own.
            self.fraction = min(1.0, self._rounds / self.config.steps)
        else:
            self.fraction = min(1.0, self.seconds / self.config.seconds)

    def finish(self) -> Generator[None, None, None]:
        """A last look, for steps since the previous one."""
        for member in self.members.values():
            if member.steps % self.config.evaluate_every:
                member.evaluate(self.validation.batches)
                yield

    def snapshot(self, revision: int) -> Snapshot:
        """Copy trees and the networks' best states into an ensemble of its own."""
        if len(self.members) == len(self.trainer.members):
            self.trainer.weigh()
        return Snapshot(
            self.trainer.best(),
            self.trainer.held_out_scores(),
            revision,
            self.seconds,
            self.fraction,
            self.state(),
            by_image=tuple(self.trainer.scores_by_image()),
            goes_on=self.trainer.goes_on,
        )

    def state(self) -> TrainingState:
        """Of the members that are trained."""
        states = tuple(member.state() for member in self.members.values())
        return TrainingState(states, self.seconds, self.fingerprint)

    def restore(self, state: TrainingState) -> None:
        """Go on from a state."""
        if state.fingerprint != self.fingerprint:
            raise InputError(
                "The training cannot go on: the annotation, the image or the settings "
                "are not those it began with; train anew."
            )
        try:
            for member, own in zip(self.members.values(), state.members, strict=True):
                member.restore(own)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise InputError(
                "The training cannot go on: its state is damaged, or belongs to "
                "other networks; train anew."
            ) from error
        self.seconds = state.seconds
        self.end_round()

    def calibrate(self, ensemble: Ensemble) -> Generator[None, None, Calibration]:
        """Find the cut of the result, and out what its probabilities mean."""
        teacher = self.trainer.teacher
        if teacher is not None and teacher.grown is not None:
            strokes = len(self._labels.strokes())
            sampling = teacher.cut_sampling(strokes, self.config.before)
            offsets = yield from (
                teacher.offsets(sampling)
                if self.config.prior is None
                else teacher.offsets_for(self.config.prior, ensemble)
            )
            ensemble.set_calibration(log_prior_ratio=offsets.tolist())
        return (yield from self.trainer.calibrate(ensemble, self._labels))
