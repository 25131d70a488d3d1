"""What a training tells while it runs."""

from dataclasses import dataclass

from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.metrics import Scores
from napari_sciml.uncertainty.conformal import ConformalCalibration


@dataclass(frozen=True)
class TrainingStep:
    """A member has taken a step.

    Attributes
    ----------
    member, step
        Which member, and how many steps it has taken.
    loss
        Training loss of the step, in nats.
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
    calibration
        Conformal calibration of the ensemble on the held-out strokes, or None; only
        the final snapshot has one.
    scores
        Mean held-out scores of the members' best states; None where nothing
        could be held out.
    revision
        Of the labels that the training saw.
    seconds, fraction
        As in `TrainingStep`.
    """

    ensemble: Ensemble
    scores: Scores | None
    revision: int
    seconds: float
    fraction: float
    calibration: ConformalCalibration | None = None
