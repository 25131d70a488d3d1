"""Train an ensemble, as a generator that never stops the caller for long."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.annotation.split import hold_out
from napari_sciml.errors import InputError
from napari_sciml.networks.device import default_threads
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.calibration import Calibration, calibrate_ensemble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.held_out import HeldOut
from napari_sciml.training.member import Member
from napari_sciml.training.setup import (
    MakeNetwork,
    check_config,
    checked_labels,
    fingerprint,
)
from napari_sciml.training.state import TrainingState
from napari_sciml.training.team import Team

Split = tuple[np.ndarray, np.ndarray]
"""Labels to train on, and labels held out."""


def train(
    image: Any,
    labels: np.ndarray,
    config: TrainingConfig | None = None,
    *,
    class_names: Sequence[str] = DEFAULT_CLASSES,
    revision: int = 0,
    make_network: MakeNetwork | None = None,
    split: Split | None = None,
    resume: TrainingState | None = None,
) -> Generator[TrainingStep | Snapshot | None, None, Ensemble]:
    """Train an ensemble on a sparse annotation.

    Members take their steps in turn, so that all of them are usable at any
    time. Each keeps the state that did best on the held-out strokes.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``. Only the
        parts round labels are read, and a few blocks for gray scale and shares. An
        image with several channels is a `napari_sciml.images.channels.ChannelImage`.
    labels
        Annotation of the same shape; 0 = not annotated, 1, 2 … = classes.
    config
        Settings; see `TrainingConfig`.
    class_names
        Name of each class.
    revision
        Passed on to the snapshots.
    make_network
        Makes the members instead of ``config.network``: a function of input
        channels, classes and a seed; see `napari_sciml.networks.protocol`.
    split
        Labels to train on and labels held out, instead of drawing them.
    resume
        State of an earlier training on the same labels with the same settings; all
        but the budget must be the same.

    Yields
    ------
    TrainingStep, Snapshot or None
        At least one event a step; the last one is a snapshot of the result. None is
        a chance to stop.

    Returns
    -------
    Ensemble
        The trained networks, in evaluation mode.

    Raises
    ------
    InputError
        When image and labels do not fit together, fewer than two classes are
        annotated, or the state belongs to another training.
    """
    config = config or TrainingConfig()
    labels = checked_labels(image, labels, class_names)
    check_config(config, image.ndim, len(class_names))
    torch.set_num_threads(config.threads or default_threads())
    session = _Session(image, labels, config, class_names, make_network, split)
    if resume is not None:
        session.restore(resume)
    for _ in session.test.prepare():
        yield None
    started = last = time.monotonic() - session.seconds
    while not session.is_over:
        for index, member in enumerate(session.members):
            loss = session.advance(member)
            session.seconds = time.monotonic() - started
            yield TrainingStep(
                index, member.steps, loss, session.seconds, session.fraction
            )
        session.end_round()
        if not session.is_over and time.monotonic() - last > config.snapshot_seconds:
            last = time.monotonic()
            yield session.snapshot(revision)
    for _ in session.finish():
        yield None
    final = session.snapshot(revision)
    calibration = yield from session.calibrate(final.ensemble)
    final = replace(final, fraction=1.0, calibration=calibration)
    yield final
    return final.ensemble


def train_to_end(image: Any, labels: np.ndarray, **kwargs: Any) -> Ensemble:
    """Run `train` without looking at its events."""
    events = train(image, labels, **kwargs)
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


class _Session:
    """What a training holds on to between two events."""

    def __init__(
        self,
        image: Any,
        labels: np.ndarray,
        config: TrainingConfig,
        class_names: Sequence[str],
        make_network: MakeNetwork | None,
        split: Split | None,
    ) -> None:
        self.image, self.config = image, config
        self.seconds = self.fraction = 0.0
        self.team = Team(image, labels, config, class_names, make_network)
        trained, held_out = split or hold_out(
            labels,
            fraction=config.holdout,
            gap=config.gap,
            rng=self.team.rng,
            by=config.split,
        )
        self.fingerprint = fingerprint(
            image, (labels, trained, held_out), config, self.team.ensemble
        )
        self.team.assign(trained, held_out)

    @property
    def members(self) -> list[Member]:
        """The networks while they are trained."""
        return self.team.members

    @property
    def test(self) -> HeldOut:
        """The held-out labels."""
        return self.team.test

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up, or nothing becomes better any more."""
        patience = self.config.patience
        waited = min(member.looks_since_best for member in self.members)
        return self.fraction >= 1 or (patience is not None and waited >= patience)

    def advance(self, member: Member) -> float:
        """One step, and now and then a look at the held-out labels."""
        return self.team.advance(member, self.fraction)

    def end_round(self) -> None:
        """All members have taken a step: see how much of the budget is left."""
        if self.config.steps is not None:
            self.fraction = min(1.0, self.members[0].steps / self.config.steps)
        else:
            self.fraction = min(1.0, self.seconds / self.config.seconds)

    def finish(self) -> Generator[None, None, None]:
        """A last look, for steps since the previous one."""
        for member in self.members:
            if member.steps % self.config.evaluate_every:
                member.evaluate(self.test.batches)
                yield

    def snapshot(self, revision: int) -> Snapshot:
        """Copy the best states into an ensemble of its own."""
        return Snapshot(
            self.team.best(),
            self.team.scores(),
            revision,
            self.seconds,
            self.fraction,
            TrainingState(
                tuple(member.state() for member in self.members),
                self.seconds,
                self.fingerprint,
            ),
        )

    def restore(self, state: TrainingState) -> None:
        """Go on from a state."""
        if state.fingerprint != self.fingerprint:
            raise InputError(
                "The training cannot go on: the annotation, the image or the settings "
                "are not those it began with; train anew."
            )
        try:
            for member, own in zip(self.members, state.members, strict=True):
                member.restore(own)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise InputError(
                "The training cannot go on: its state is damaged, or belongs to "
                "other networks; train anew."
            ) from error
        self.seconds = state.seconds
        self.end_round()

    def calibrate(self, ensemble: Ensemble) -> Generator[None, None, Calibration]:
        """Find out what the probabilities of the result mean."""
        return calibrate_ensemble(
            ensemble,
            self.image,
            self.test,
            prior=self.config.prior,
            # Its own: a training that was resumed has to give the same.
            rng=np.random.default_rng([self.config.seed, 1]),
        )
