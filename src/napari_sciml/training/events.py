"""What a training tells while it runs."""

from dataclasses import dataclass, field

from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.calibration import Calibration
from napari_sciml.training.metrics import Scores
from napari_sciml.training.state import TrainingState


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
    """

    ensemble: Ensemble
    scores: Scores | None
    revision: int
    seconds: float
    fraction: float
    state: TrainingState = field(repr=False)
    calibration: Calibration | None = None
