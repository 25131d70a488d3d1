"""The model that a viewer uses."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_sciml.io.models.folder import read_record
from napari_sciml.io.provenance import provenance
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.calibration import ConformalCalibration
from napari_sciml.workflows.training.summary import calibration_record

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.evaluation.calibration import Calibration
    from napari_sciml.training.evaluation.metrics import Scores
    from napari_sciml.training.start import Start
    from napari_sciml.training.state import TrainingState


@dataclass(frozen=True)
class Model:
    """The ensemble that the viewer uses.

    Attributes
    ----------
    ensemble
        Trees and networks.
    number
        Counts the models of a viewer; blocks are marked with it. 0 = loaded.
    kind
        "trees" = trees alone, "ensemble" = trees and networks, or networks alone.
    revision
        Of the annotation that it was trained on; None where it was loaded.
    scores
        On held-out strokes, where there were any.
    calibration
        What its probabilities mean, as looked at last: maybe with fewer strokes.
    judged
        Revision of the annotation at which that was looked at; None where nobody did.
    settings
        What the training was told.
    run, round, seconds
        Which training of the project made it, after how many rounds, and after how
        many seconds of training.
    steps
        That each network had taken; 0 = not known.
    state
        For the model file: the command line can go on with the training.
    loaded
        What the file said that it was loaded from.
    source
        Folder that it was loaded from.
    trained_on
        Voxel size, unit and type of the image that it learned from.
    start
        The same to begin a training with, where it was loaded.
    began
        What the strokes think of the model that the training began with, in words.
    """

    ensemble: "Ensemble"
    number: int = 0
    kind: Literal["trees", "ensemble"] = "ensemble"
    revision: int | None = None
    scores: "Scores | None" = None
    calibration: "Calibration | None" = None
    judged: int | None = None
    settings: TrainingConfig | None = None
    run: int = 0
    round: int = 0
    seconds: float = 0.0
    steps: int = 0
    state: "TrainingState | None" = None
    loaded: dict[str, Any] | None = None
    source: str | Path | None = None
    trained_on: dict[str, Any] = field(default_factory=dict)
    start: "Start | None" = None
    began: str = ""

    @property
    def words(self) -> str:
        """What answers: "trees", "trees and 5 networks, 230 steps"."""
        # Whoever has an ensemble has imported torch.
        from napari_sciml.training.live import describe

        ensemble = self.ensemble
        told = describe(ensemble.trust, len(ensemble.members), self.steps)
        return told if self.steps else told.partition(",")[0]

    @cached_property
    def conformal(self) -> ConformalCalibration | None:
        """For coverages, where it was calibrated; a loaded model has it in words."""
        if self.calibration is not None:
            return self.calibration.conformal
        stored = (self.loaded or {}).get("calibration")
        return None if stored is None else ConformalCalibration.model_validate(stored)

    @property
    def score(self) -> float | None:
        """Mean held-out Dice of the classes but the background."""
        return None if self.scores is None else self.scores.foreground_dice

    def checkpoint(self) -> Checkpoint:
        """The model as the history keeps it; its record is left to `record`."""
        return Checkpoint(
            number=self.number,
            time=datetime.now(UTC),
            revision=self.revision,
            kind=self.kind,
            score=self.score,
            seconds=self.seconds,
            run=self.run,
            round=self.round,
            ensemble=self.ensemble,
            folder=None if self.source is None else Path(self.source),
        )

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Model":
        """Take up a model of a project; InputError where it is damaged or gone."""
        assert checkpoint.folder is not None
        return cls(
            checkpoint.load(),
            # Below 0, so that no model of this viewer has the same.
            number=-checkpoint.number,
            kind=kind_of(checkpoint.kind),
            revision=checkpoint.revision,
            run=checkpoint.run,
            round=checkpoint.round,
            seconds=checkpoint.seconds,
            loaded=read_record(checkpoint.folder),
        )

    def record(self) -> dict[str, Any]:
        """What is worth knowing about the training, for the model file."""
        record = {
            **(self.loaded or {}),
            **self.trained_on,
            **provenance(
                annotation_revision=self.revision,
                held_out_dice=self.scores and self.scores.dice,
            ),
        }
        if self.settings is not None:
            record["config"] = self.settings.model_dump(mode="json")
        if self.calibration is not None:
            names = self.ensemble.class_names
            record |= calibration_record(self.calibration, names)
        return record


def kind_of(told: str) -> Literal["trees", "ensemble"]:
    """What a project says; "instant" in older ones."""
    return "trees" if told in ("trees", "instant") else "ensemble"
