"""What a training tells while it runs."""

from dataclasses import dataclass, field
from typing import Literal

from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.evaluation.calibration import Calibration
from napari_sciml.training.evaluation.metrics import Scores
from napari_sciml.training.state import TrainingState

Kind = Literal["trees", "ensemble"]


@dataclass(frozen=True)
class TrainingStep:
    """A member has taken a step.

    Attributes
    ----------
    member, step
        Which member, and how many steps it has taken.
    loss
        Training loss of the step.
    seconds
        Since the training began.
    fraction
        Share of the budget that is used up, 0 to 1.
    """

    member: int
    step: int
    loss: float
    seconds: float
    fraction: float


@dataclass(frozen=True)
class Snapshot:
    """A model to use while the training goes on, or its result.

    Attributes
    ----------
    ensemble
        A copy that the training does not touch again.
    scores
        Mean held-out scores of the members' best states; None where nothing
        could be held out.
    revision
        Of the labels that the training saw.
    seconds, fraction
        As in `TrainingStep`.
    state
        To go on from here: `train(…, resume=snapshot.state)`.
    calibration
        What the probabilities mean; only the final snapshot has it.
    by_image
        Held-out scores of each image, where there are several.
    goes_on
        Whether the model that the training began with helps; None without one.
    """

    ensemble: Ensemble
    scores: Scores | None
    revision: int
    seconds: float
    fraction: float
    state: TrainingState = field(repr=False)
    calibration: Calibration | None = None
    by_image: tuple[Scores | None, ...] = ()
    goes_on: bool | None = None


@dataclass(frozen=True)
class TreesGrown:
    """The trees of a training have learned the labels as they are now."""


@dataclass(frozen=True)
class LabelsUpdated:
    """A training that goes on has taken in the annotation up to a revision.

    Attributes
    ----------
    revision
        Of the annotation.
    round
        Of the training, before which.
    before
        Strokes that were painted before any picture was shown.
    """

    revision: int
    round: int
    before: int = 0


@dataclass(frozen=True)
class ModelReady:
    """A training that goes on has a better model to show.

    Attributes
    ----------
    number
        Counts the models of a training from 1 on.
    kind
        "trees" = trees alone, "ensemble" = trees and networks, or networks alone.
    ensemble
        Not touched again by the training.
    scores
        Mean held-out scores of the members; None where nothing could be held out.
    revision, round
        Of the labels that it has learned from; rounds of the training by then.
    steps
        That each network had taken.
    seconds
        Of training so far.
    calibration
        What its probabilities mean, where this has been looked at.
    settled
        Whether more training would not help without more labels.
    goes_on
        Whether the model that the training began with helps; None without one.
    by_image
        Held-out scores of each image, where there are several.
    """

    number: int
    kind: Kind
    ensemble: Ensemble
    scores: Scores | None
    revision: int
    round: int
    seconds: float
    calibration: Calibration | None = None
    settled: bool = False
    steps: int = 0
    goes_on: bool | None = None
    by_image: tuple[Scores | None, ...] = ()


@dataclass(frozen=True)
class Activity:
    """What a training that goes on does from now on.

    Attributes
    ----------
    kind
        "training"; "waiting" for labels; "paused".
    reason
        Why it waits, for a person; empty where it has simply learned all it can.
    """

    kind: Literal["training", "waiting", "paused"]
    reason: str = ""
