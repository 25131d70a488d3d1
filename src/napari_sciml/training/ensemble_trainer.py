"""The members of an ensemble in training, and the labels that they share."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.networks.device import resolve_device
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.curriculum import Curriculum
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.evaluation.calibration import (
    Calibration,
    calibrate_ensemble,
    calibrate_mixture,
)
from napari_sciml.training.evaluation.familiarity import find_range
from napari_sciml.training.evaluation.figures import dice_intervals
from napari_sciml.training.evaluation.metrics import Scores, score
from napari_sciml.training.evaluation.validation_set import (
    ValidationAnswers,
    ValidationSet,
)
from napari_sciml.training.member import Member
from napari_sciml.training.setup import MakeNetwork, new_ensemble
from napari_sciml.training.start import Start
from napari_sciml.training.state import copied
from napari_sciml.training.teacher import Teacher


class EnsembleTrainer:
    """Untrained members on labels that may be exchanged later.

    Parameters
    ----------
    image
        Array-like of raw gray values.
    labels
        The whole annotation, that the front end is calibrated round.
    config
        Settings.
    class_names
        Name of each class.
    make_network, start
        As in `napari_sciml.training.session.train`.
    """

    def __init__(
        self,
        image: Any,
        labels: Scribbles,
        config: TrainingConfig,
        class_names: Sequence[str],
        make_network: MakeNetwork | None = None,
        start: Start | None = None,
    ) -> None:
        self.image, self.config = image, config
        self.device = resolve_device(config.device)
        seeds = np.random.SeedSequence(config.seed).spawn(config.members + 1)
        self.rng = np.random.default_rng(seeds[0])
        self._own = [np.random.default_rng(seed) for seed in seeds[1:]]
        self.ensemble = new_ensemble(
            image,
            labels,
            config,
            class_names=class_names,
            rng=self.rng,
            seeds=seeds[1:],
            make=make_network,
            start=start,
        ).to(self.device)
        self._start, self._fresh = start, self.ensemble.members
        self._own_front = copied(self.ensemble.front.state_dict())
        self.cache = ChannelCache(image, self.ensemble)
        self.members: list[Member] = []
        self.validation: ValidationSet
        self.teacher = Teacher(self.cache, config, start) if config.trees else None
        lessons = None if self.teacher is None else self.teacher.lessons
        self._curriculum = Curriculum(self.cache, config, lessons)

    def assign(
        self,
        trained: Scribbles,
        held_out: Scribbles,
        *,
        fresh: Scribbles | None = None,
        most: int | None = None,
    ) -> None:
        """Give the members labels to learn from and labels to be judged by.

        Parameters
        ----------
        trained, held_out
            Annotations of the shape of the image.
        fresh
            Those of ``trained`` that are new: crops are drawn round them more often at
            first.
        most
            As in `ValidationSet`.
        """
        scale = self.ensemble.intensity
        if isinstance(self.image, Mosaic) and self.image.intensity.per_image:
            # An image of another scale may have come.
            self.ensemble.intensity = replace(scale, per_image=True)
        crop = self.config.crop_shape(self.image.ndim)
        self.validation = ValidationSet(
            held_out, self.cache, crop, seed=self.config.seed, most=most
        )
        if self.teacher is not None:
            self.teacher.assign(trained, held_out)
        if self.members:
            self._trained = trained
            for member in self.members:
                member.relabel(*self._curriculum.of(trained, member.rng, fresh))
            return
        self._trained = trained
        self._make_members()

    def _make_members(self) -> None:
        self.members = []
        for network, rng in zip(self.ensemble.networks, self._own, strict=True):
            draw, weights = self._curriculum.of(self._trained, rng)
            made = Member(
                network, draw=draw, weights=weights, config=self.config, rng=rng
            )
            self.members.append(made)

    @property
    def goes_on(self) -> bool | None:
        """Whether it goes on from the model that it began with; None without one."""
        if self._start is None:
            return None
        start = None if self.teacher is None else self.teacher.start
        return True if start is None else bool(start.fits)

    def evaluate_start(self, labels: Scribbles) -> Generator[None, None, None]:
        """See whether the model to start with fits; where not, networks are new."""
        if self._start is None:
            return
        before = self.goes_on
        if self.teacher is not None:
            yield from self.teacher.evaluate_start(labels)
        if self.members and self.goes_on == before:
            return
        known = []
        if self.goes_on and _same_scale(self.ensemble, self._start.ensemble):
            known = self._start.networks(len(self._fresh), self.ensemble.class_names)
        modules = cast("Sequence[nn.Module]", known or self._fresh)
        self.ensemble.networks = nn.ModuleList(modules).to(self.device)
        # Networks know what their own front end gives.
        front = self._start.ensemble.front.state_dict() if known else self._own_front
        self.ensemble.front.load_state_dict(front)
        self.cache.forget()
        if self.members:
            self.validation.forget()
            self._make_members()
            if self.teacher is not None:
                self.teacher.trust = 0.0
                self.teacher.lessons.forget()

    def advance(self, member: Member, fraction: float) -> float:
        """One step, and now and then a look at the held-out labels."""
        loss = member.step(fraction)
        if member.steps % self.config.evaluate_every == 0:
            member.evaluate(self.validation.batches)
        return loss

    def best(self) -> Ensemble:
        """A copy of the ensemble: trees, and the best state of each network."""
        made = self.ensemble.copy_with([member.best_state for member in self.members])
        if self.teacher is not None and self.teacher.grown is not None:
            made.use_forest(self.teacher.grown.trees, self.teacher.trust)
        return made

    @property
    def trust(self) -> float:
        """Weight of all networks together."""
        if self.teacher is None or self.teacher.grown is None:
            return 1.0
        return self.teacher.trust

    def weigh(self, *, share: float = 1.0) -> None:
        """See how much the networks deserve to count beside the trees."""
        if self.teacher is not None:
            steps = max(member.steps for member in self.members)
            self.teacher.weigh(self._answers(), self.validation, steps, share=share)

    def held_out_scores(self) -> Scores | None:
        """Scores of trees and networks together; None where nothing is held out."""
        if self.teacher is None:
            return self.scores()
        held = self.held_out_answers()
        scores = _scores(held, np.ones(len(held.truth), bool))
        if scores is None:
            return None
        units, intervals = dice_intervals(held.answers, held.truth, held.strokes)
        return replace(scores, strokes=units, intervals=intervals)

    def scores_by_image(self) -> list[Scores | None]:
        """Scores on the held-out strokes of each image, where there are several."""
        if not isinstance(self.image, Mosaic):
            return []
        held = self.held_out_answers()
        numbers = self.image.numbers_of(held.indices)
        return [_scores(held, numbers == n) for n in range(len(self.image.parts))]

    def held_out_answers(self) -> ValidationAnswers:
        """What trees and networks together say about the held-out strokes.

        Asked are trees that learned without them.
        """
        known, answers = np.ones(len(self.validation), bool), None
        if self.teacher is not None:
            known, answers = self.teacher.told(self.validation)
            if answers is None:
                known = np.zeros(len(self.validation), bool)
                answers = np.empty((0, len(self.ensemble.class_names)))
            elif self.trust > 0:  # else it would cost more than the trees' growth
                networks = self._answers()[known]
                answers = (1 - self.trust) * answers + self.trust * networks
        return ValidationAnswers(
            np.asarray(self._answers() if answers is None else answers, np.float32),
            self.validation.truth[known],
            self.validation.strokes[known],
            self.validation.indices[known],
        )

    def calibrate(
        self, ensemble: Ensemble, labels: Scribbles
    ) -> Generator[None, None, Calibration]:
        """Find out what the probabilities of an ensemble mean.

        With trees, their cut is found before, and only what to expect is measured.
        """
        if self.ensemble.familiar is None:
            found = yield from find_range(
                self.ensemble, self.image, seed=self.config.seed
            )
            known = self._start and self._start.ensemble.familiar
            same = self._start and _same_scale(self.ensemble, self._start.ensemble)
            if known and same and self.goes_on:
                found = found.joined(known)
            self.ensemble.familiar = found
        ensemble.familiar = self.ensemble.familiar
        return (yield from self._calibrated(ensemble, labels))

    def _calibrated(
        self, ensemble: Ensemble, labels: Scribbles
    ) -> Generator[None, None, Calibration]:
        if self.teacher is not None and self.teacher.grown is not None:
            count = len(self.ensemble.class_names)
            kinds = [stroke.label - 1 for stroke in labels.strokes()]
            return calibrate_mixture(
                ensemble,
                self.image,
                self.held_out_answers(),
                self.teacher.grown,
                strokes=np.bincount(kinds, minlength=count).tolist(),
                seed=self.config.seed,
            )
        return calibrate_ensemble(
            ensemble,
            self.image,
            self.validation,
            prior=self.config.prior,
            # Its own: a training that was resumed has to give the same.
            rng=np.random.default_rng([self.config.seed, 1]),
        )

    def _answers(self) -> np.ndarray:
        """What the networks say about the held-out voxels, ``(n, class)``."""
        batches = self.validation.batches
        if not batches:
            return np.empty((0, len(self.ensemble.class_names)), np.float32)
        answers = [member.best_answers(batches) for member in self.members]
        return np.asarray(np.mean(answers, axis=0))

    def scores(self) -> Scores | None:
        """Mean held-out scores of the networks' best states."""
        return mean_scores([member.best for member in self.members])


def _same_scale(one: Ensemble, other: Ensemble) -> bool:
    first, second = one.intensity, other.intensity
    return (first.offset, first.scale) == (second.offset, second.scale)


def _scores(held: ValidationAnswers, chosen: np.ndarray) -> Scores | None:
    if not chosen.any():
        return None
    told, truth = held.answers[chosen], held.truth[chosen]
    return score(torch.from_numpy(told), torch.from_numpy(truth))


def mean_scores(scores: Sequence[Scores | None]) -> Scores | None:
    """Mean over members; None where nothing was scored."""
    known = [s for s in scores if s is not None]
    if not known:
        return None
    return Scores(
        loss=float(np.mean([s.loss for s in known])),
        error=float(np.mean([s.error for s in known])),
        dice=tuple(np.mean([s.dice for s in known], axis=0).tolist()),
        voxels=known[0].voxels,
    )
