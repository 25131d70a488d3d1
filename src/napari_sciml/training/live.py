"""A training that goes on while its labels change."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch

from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.growing_split import GrowingSplit
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.calibration import Calibration, calibrate_ensemble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import TrainingStep
from napari_sciml.training.held_out import score_answers
from napari_sciml.training.instant import InstantModel
from napari_sciml.training.metrics import Scores
from napari_sciml.training.optimization import WARM_UP
from napari_sciml.training.sampling import Batch
from napari_sciml.training.setup import MakeNetwork, check_config, checked_labels
from napari_sciml.training.team import Team, mean_scores

SETTLING = 400
"""Rounds after the last new label in which the learning rate falls to its end."""
LOOKS = (4, 8, 14, 22)
"""Rounds after new labels at which members are judged, before `evaluate_every`."""
PATIENCE = 8
"""Looks after `SETTLING` in which members may still become better; without that, it
is enough that none has in so many looks."""
JUDGED = 80_000
"""Voxels round held-out labels that are computed at most for a look."""
LENIENCE = 2.0
"""The ensemble takes over once its error is below so many times the cheap model's.
Held-out strokes flatter a model that looks at one voxel at a time: on phantoms both
segment the volume equally well when the ensemble's error on the strokes is 1.6 to 2.0
times the other's, and the ensemble is clearly better when they are the same."""
ENOUGH_STROKES = 8
"""Held-out strokes from which on this leniency is safe; with fewer, there is none."""
EARLIEST = 120
"""Rounds before the ensemble may take over: a few held-out voxels can mislead."""
EARLIEST_UNJUDGED = 400
"""The same where not every annotated class has a held-out stroke: an ensemble that
knows nothing but the others looks best then."""


class LiveTraining:
    """An ensemble, and a cheap model that answers until it is better.

    What happens depends on the settings, the labels, and the round in which each
    revision of them is taken, on nothing else: so a training can be replayed.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``.
    labels
        Annotation of two classes or more, dense or as scribbles.
    config
        Settings; the budget is not used.
    class_names
        Name of each class.
    make_network
        As in `napari_sciml.training.session.train`.

    Attributes
    ----------
    round
        Steps that each member has taken.
    looked
        Whether the members were judged after the last of them.

    Raises
    ------
    InputError
        When image, labels and settings do not fit together.
    """

    def __init__(
        self,
        image: Any,
        labels: np.ndarray | Scribbles,
        config: TrainingConfig,
        class_names: Sequence[str],
        make_network: MakeNetwork | None = None,
    ) -> None:
        self.labels = checked_labels(image, labels, class_names)
        check_config(config, image.ndim, len(class_names))
        self.image, self.config = image, config
        self.round = 0
        self._since = 0
        self._age = 0
        self.looked = False
        self._taken_over = False
        self.team = Team(image, self.labels, config, class_names, make_network)
        self._instant = InstantModel(image, self.team.ensemble, seed=config.seed)
        self._split = GrowingSplit(
            self.labels.shape,
            fraction=config.holdout,
            gap=config.gap,
            rng=self.team.rng,
        )
        self._assign(None)

    @property
    def settled(self) -> bool:
        """Whether more training would not help without more labels."""
        waited = min(member.looks_since_best for member in self.team.members)
        longest = SETTLING + PATIENCE * self.config.evaluate_every
        patient = waited < PATIENCE and self._since < longest and len(self.team.test)
        return self._since >= SETTLING and not patient

    @property
    def progress(self) -> float:
        """How far the training has come since the last new label, 0 to 1."""
        return min(1.0, self._since / SETTLING)

    def take(self, changes: Sequence[LabelChange]) -> None:
        """Learn from the changed annotation from the next step on.

        Raises
        ------
        InputError
            When fewer than two classes are left. The labels are changed all the
            same, but the training goes on with what it had.
        """
        change = merged(changes)
        self.labels = self.labels.changed(change)
        checked_labels(self.image, self.labels, self.team.ensemble.class_names)
        # A stroke more does not undo what was learned: only half of the way back.
        self._since = min(self._since, SETTLING // 2)
        self._assign(change.indices[change.values > 0])

    def learn_instant(self) -> Generator[None, None, Ensemble]:
        """Fit the cheap model to all trained labels."""
        return (yield from self._instant.learn(self._trained))

    def judge(self, ensemble: Ensemble) -> Generator[None, None, Scores | None]:
        """Score a finished ensemble on the held-out labels; None without any."""
        for _ in self.team.test.prepare():
            yield
        batches = self.team.test.batches
        return judge(ensemble, batches) if batches else None

    def steps(self) -> Generator[TrainingStep | None, None, None]:
        """Let every member take a step, and look at them when it is time."""
        warm = self.round < WARM_UP * SETTLING
        fraction = self.progress if warm else max(self.progress, WARM_UP)
        for index, member in enumerate(self.team.members):
            loss = member.step(fraction)
            yield TrainingStep(index, member.steps, loss, 0.0, self.progress)
        self.round += 1
        self._since += 1
        self._age += 1
        self.looked = False
        if self._age in LOOKS or self.round % self.config.evaluate_every == 0:
            batches = self.team.test.batches
            for member in self.team.members:
                member.evaluate(batches)
                yield None
            self.looked = True

    @property
    def taken_over(self) -> bool:
        """Whether the ensemble is what is shown."""
        return self._taken_over

    def takes_over(self, instant: Scores | None) -> bool:
        """Whether the ensemble is better than the cheap model; then it stays."""
        own = self.team.scores()
        enough = len(np.unique(self.team.test.strokes)) >= ENOUGH_STROKES
        factor = LENIENCE if enough else 1.0
        better = own is None or instant is None or own.error < factor * instant.error
        earliest = EARLIEST if self._judges_all_classes() else EARLIEST_UNJUDGED
        self._taken_over |= better and self.round >= earliest
        return self._taken_over

    def _judges_all_classes(self) -> bool:
        judged = set((self.team.test.truth + 1).tolist())
        return judged.issuperset(self._trained.counts)

    def calibrate(self, ensemble: Ensemble) -> Generator[None, None, Calibration]:
        """Find out what the probabilities of an ensemble mean."""
        return calibrate_ensemble(
            ensemble,
            self.image,
            self.team.test,
            prior=self.config.prior,
            rng=np.random.default_rng([self.config.seed, 1]),
        )

    def _assign(self, painted: np.ndarray | None) -> None:
        self._trained, held_out = self._split.update(self.labels)
        self._age = 0
        fresh = None
        if painted is not None:
            fresh = self._trained.subset(np.isin(self._trained.indices, painted))
        self.team.assign(self._trained, held_out, fresh=fresh, most=JUDGED)


def judge(ensemble: Ensemble, batches: Sequence[Batch]) -> Scores | None:
    """Mean scores of the members of a finished ensemble on held-out parts."""
    with torch.inference_mode():
        return mean_scores([score_answers(m, batches) for m in ensemble.members])
