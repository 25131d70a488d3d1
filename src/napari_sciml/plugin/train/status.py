"""What a training or prediction is doing, in a word and in a sentence."""

from dataclasses import dataclass
from enum import Enum

from napari_sciml.progress import duration


class Phase(Enum):
    """What is going on."""

    IDLE = "idle"
    STARTING = "starting"
    TRAINING = "training"
    WAITING = "waiting"
    PAUSED = "paused"
    PREDICTING = "predicting"


@dataclass
class TrainingStatus:
    """How far a job has come.

    Attributes
    ----------
    phase
        What is going on.
    stopped
        Whether the user has asked for the end.
    settled
        Whether the training has learned all it can from the strokes so far.
    fraction
        Of the training time, 0 to 1.
    blocks
        Blocks of the image that are predicted by the model at hand, and in all.
    reason
        Why it waits, where it cannot learn.
    halved
        Whether the prediction goes in smaller parts for want of memory.
    hasty
        Whether the latest picture is a first look.
    """

    phase: Phase = Phase.IDLE
    stopped: bool = False
    settled: bool = False
    fraction: float = 0.0
    blocks: tuple[int, int] = (0, 0)
    reason: str = ""
    halved: bool = False
    hasty: bool = False

    @property
    def progress(self) -> float:
        """Of what is going on, 0 to 1."""
        done, total = self.blocks
        if self.phase is Phase.TRAINING or not total:
            return self.fraction
        return done / total

    def sentence(
        self, *, complete: bool, has_model: bool, left: float | None = None
    ) -> str:
        """Tell a person what is going on.

        Parameters
        ----------
        complete
            Whether the whole image is predicted.
        has_model
            Whether there is anything to predict with.
        left
            Seconds of training until it rests, where they are known.
        """
        predicting = self._predicting()
        match self.phase:
            case _ if self.stopped and self.phase is not Phase.IDLE:
                return "Stopping …"
            case Phase.STARTING:
                return "Getting ready …"
            case Phase.TRAINING if self.hasty:
                return "A first look: a better picture follows in a moment."
            case Phase.TRAINING:
                return f"Training: goes on while you paint.{_rest(left)}"
            case Phase.PAUSED:
                return f"Paused. {predicting}".strip()
            case Phase.WAITING if self.reason:
                return f"Waiting for labels. {self.reason}"
            case Phase.WAITING:
                return predicting or (
                    "Done for now: the whole image is predicted. Waiting for more "
                    "labels."
                )
            case Phase.PREDICTING:
                return predicting or "Predicting …"
        return self._idle(complete, has_model)

    def _predicting(self) -> str:
        done, total = self.blocks
        if done >= total:
            return ""
        short = " Memory is short: in smaller parts, which takes longer."
        return f"Predicting {done} of {total} blocks.{short if self.halved else ''}"

    def _idle(self, complete: bool, has_model: bool) -> str:
        if complete:
            return "Done: the whole image is predicted."
        if not self.stopped:
            return ""
        if not has_model:
            return "Stopped before the first model was ready."
        return "Stopped; the last model is kept. Press Predict to apply it everywhere."


def _rest(left: float | None) -> str:
    if left is None or left < 1:
        return ""
    return f" {duration(left)} left, more when you paint."
