"""A training that goes on while its labels change."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.growing_split import GrowingSplit
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.networks.ensemble import LEAST_TRUST, Ensemble
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.gathering import check_contrasts, gathered
from napari_sciml.training.ensemble_trainer import EnsembleTrainer
from napari_sciml.training.evaluation.calibration import Calibration
from napari_sciml.training.evaluation.metrics import Scores
from napari_sciml.training.events import TrainingStep, TreesGrown
from napari_sciml.training.optimization.optimizers import WARM_UP
from napari_sciml.training.setup import MakeNetwork, check_config, checked_labels
from napari_sciml.training.start import Start
from napari_sciml.training.teacher import Teacher
from napari_sciml.uncertainty.cut import first_offsets, sampling_of

AT_A_TIME = 1
"""Networks that take a step in a round; they take turns. Trees answer meanwhile, and
with all of them in each round a stroke would cost several times as much."""
SETTLING = 2000
"""Rounds after the last new label in which the learning rate falls to its end."""
LOOKS = (20,)
"""Rounds after new labels at which networks are judged, before the next usual time."""
PATIENCE = 8
"""Looks after `SETTLING` in which members may still become better; without that, it
is enough that none has in so many looks."""
MAX_EVALUATION_VOXELS = 40_000
"""Voxels round held-out labels that are computed at most for a look."""
GLIDE = 0.5
"""Of the way to the weight that the networks deserve, gone at a look: the picture
must not jump."""


class LiveTraining:
    """Trees that are there at once, and networks that learn beside them.

    What happens depends on the settings, the labels, and the round in which each
    revision of them is taken, on nothing else: so a training can be replayed.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; or a mosaic of
        several, to which images may be added later.
    labels
        Annotation of two classes or more, dense or sparse.
    config
        Settings; the budget is not used.
    class_names
        Name of each class.
    make_network, start
        As in `napari_sciml.training.session.train`.
    before
        Strokes among the labels that were painted before any picture was shown; the
        others correct one of an earlier training. None = as the settings say, or all.

    Attributes
    ----------
    round
        Rounds so far: in each, `AT_A_TIME` networks take a step.
    looked
        Whether the networks were judged after the last of them.

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
        start: Start | None = None,
        before: int | None = None,
    ) -> None:
        image, labels = gathered(image, labels)
        self.labels = checked_labels(image, labels, class_names)
        check_contrasts(image, self.labels)
        check_config(config, image.ndim, len(class_names))
        self.image, self.config = image, config
        self.round = 0
        strokes = len(self.labels.strokes())
        before = config.before if before is None else before
        self._before = strokes if before is None else min(before, strokes)
        self._offsets: np.ndarray | None = None
        self._since = 0
        self._age = 0
        self._labels_are_new = True
        self.looked = False
        self.trainer = EnsembleTrainer(
            image, self.labels, config, class_names, make_network, start
        )
        exhaust(self.trainer.evaluate_start(self.labels))
        self._split = GrowingSplit(
            self.labels.shape,
            fraction=config.holdout,
            gap=config.gap,
            rng=self.trainer.rng,
        )
        self._assign(None)

    @property
    def before(self) -> int:
        """Strokes that were painted before any picture was shown."""
        return self._before

    @property
    def settled(self) -> bool:
        """Whether more training would not help without more labels."""
        waited = min(member.evaluations_since_best for member in self.trainer.members)
        longest = SETTLING + PATIENCE * self._cadence
        patient = (
            waited < PATIENCE and self._since < longest and len(self.trainer.validation)
        )
        return self._since >= SETTLING and not patient

    @property
    def progress(self) -> float:
        """How far the training has come since the last new label, 0 to 1."""
        return min(1.0, self._since / SETTLING)

    def update_labels(
        self, changes: Sequence[LabelChange], *, correcting: bool = True
    ) -> None:
        """Learn from the changed annotation with the next `advance`.

        Parameters
        ----------
        changes
            The oldest first; at least one.
        correcting
            Whether a picture was shown when they were painted: then they say where
            it was wrong.

        Raises
        ------
        InputError
            When fewer than two classes are left. The labels are changed all the
            same, but the training goes on with what it had.
        """
        change = merged(changes)
        self.labels = self.labels.changed(change)
        checked_labels(self.image, self.labels, self.trainer.ensemble.class_names)
        if not correcting:
            self._before = len(self.labels.strokes())
        # A stroke more does not undo what was learned: only half of the way back.
        self._since = min(self._since, SETTLING // 2)
        self._assign(change.indices[change.values > 0])
        self._labels_are_new = True

    def advance(self) -> Generator[TrainingStep | TreesGrown | None, None, None]:
        """Bring the ensemble forward by one turn; the only way in which it learns.

        After new labels, trees grow from them. Otherwise it is a round: the networks
        whose turn it is take a step, and now and then all are judged.

        Yields
        ------
        TrainingStep, TreesGrown or None
            None is a chance to do something else.
        """
        if self._labels_are_new:
            self._labels_are_new = False
            yield from self._grow()
            yield TreesGrown()
            yield from self.trainer.validation.prepare()
        else:
            yield from self._round()

    def _grow(self) -> Generator[None, None, None]:
        yield from self.trainer.evaluate_start(self.labels)
        if self.trainer.teacher is not None:
            yield from self.trainer.teacher.grow(self.labels, sampling=self._sampling)
            self._offsets = None
            if self._corrections and self.config.prior is None:
                # At once, as it depends on the cuts before: a replay finds the same.
                yield from self._find_cut(self.trainer.teacher)

    def _round(self) -> Generator[TrainingStep | None, None, None]:
        if self.trainer.teacher is not None:
            for _ in self.trainer.teacher.lessons.prepare(self.round):
                yield None
        warm = self.round < WARM_UP * SETTLING
        fraction = self.progress if warm else max(self.progress, WARM_UP)
        for index in self._turn():
            member = self.trainer.members[index]
            loss = member.step(fraction)
            yield TrainingStep(index, member.steps, loss, 0.0, self.progress)
        self.round += 1
        self._since += 1
        self._age += 1
        self.looked = False
        if self._age in LOOKS or self.round % self._cadence == 0:
            yield from self._look()

    def ensemble(self) -> Ensemble:
        """A copy of what is known best: trees and networks, as far as they help."""
        return self.trainer.best()

    def hasty(self) -> Ensemble | None:
        """Trees alone, with a cut that is usual after a few strokes; None without."""
        teacher = self.trainer.teacher
        if teacher is None or teacher.grown is None:
            return None
        ensemble, grown = teacher.trees_alone(), teacher.grown
        offsets = first_offsets(
            grown.out_of_bag, grown.classes, usual=teacher.usual_cut
        )
        ensemble.set_calibration(log_prior_ratio=offsets.tolist())
        return ensemble

    def ready(self) -> Generator[None, None, Ensemble]:
        """The same, with its cut where the strokes want it; yields often."""
        ensemble, teacher = self.ensemble(), self.trainer.teacher
        if teacher is not None and teacher.grown is not None:
            prior = self.config.prior
            if self._offsets is None and prior is not None:
                self._offsets = yield from teacher.offsets_for(prior, ensemble)
            elif self._offsets is None:
                yield from self._find_cut(teacher)
            assert self._offsets is not None
            ensemble.set_calibration(log_prior_ratio=self._offsets.tolist())
        return ensemble

    @property
    def _corrections(self) -> int:
        """Strokes that were painted when a picture was shown."""
        return max(0, len(self.labels.strokes()) - self._before)

    @property
    def _sampling(self) -> float:
        """How far the strokes are like a sample; see `sampling_of`."""
        return sampling_of(len(self.labels.strokes()), self._before)

    def _find_cut(self, teacher: Teacher) -> Generator[None, None, None]:
        sampling = teacher.cut_sampling(len(self.labels.strokes()), self._before)
        self._offsets = yield from teacher.offsets(
            sampling, steady=self._corrections > 0
        )

    def describe(self) -> str:
        """What answers, in words."""
        return describe(
            self.ensemble_trust, len(self.trainer.members), self.steps_taken
        )

    @property
    def ensemble_trust(self) -> float:
        """Weight of the networks in what is handed out."""
        trust = self.trainer.trust
        return trust if trust >= LEAST_TRUST else 0.0

    @property
    def steps_taken(self) -> int:
        """Steps of the network that has taken most."""
        return max(member.steps for member in self.trainer.members)

    def scores(self) -> Scores | None:
        """How good it is on held-out strokes; None where there are none."""
        return self.trainer.held_out_scores()

    def calibrate(self, ensemble: Ensemble) -> Generator[None, None, Calibration]:
        """Find out what the probabilities of an ensemble mean."""
        return self.trainer.calibrate(ensemble, self.labels)

    @property
    def _cadence(self) -> int:
        """Rounds from one look at the held-out strokes to the next."""
        turns = len(self.trainer.members) // (2 * AT_A_TIME)
        return self.config.evaluate_every * max(1, turns)

    def _turn(self) -> list[int]:
        """Numbers of the networks whose turn it is."""
        total = len(self.trainer.members)
        count = min(AT_A_TIME, total)
        return [(self.round * count + i) % total for i in range(count)]

    def _look(self) -> Generator[None, None, None]:
        yield from self.trainer.validation.prepare()
        for member in self.trainer.members:
            member.evaluate(self.trainer.validation.batches)
            yield
        self.trainer.weigh(share=GLIDE)
        self.looked = True

    def _assign(self, painted: np.ndarray | None) -> None:
        trained, held_out = self._split.update(self.labels)
        self._age = 0
        fresh = None
        if painted is not None:
            fresh = trained.subset(np.isin(trained.indices, painted))
        self.trainer.assign(trained, held_out, fresh=fresh, most=MAX_EVALUATION_VOXELS)


def describe(trust: float, networks: int, steps: int) -> str:
    """Say in words what answers: "trees and 5 networks, 230 steps"."""
    count = f"{networks} network{'s' if networks > 1 else ''}"
    taught = f"{count}, {steps} step{'s' if steps > 1 else ''}"
    if trust == 0:
        return "trees"
    return taught if trust == 1 else f"trees and {taught}"
