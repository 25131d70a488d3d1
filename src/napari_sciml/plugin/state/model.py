"""The model that a viewer uses."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_sciml.io.provenance import provenance
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.calibration import ConformalCalibration
from napari_sciml.workflows.training.files import calibration_record

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.calibration import Calibration
    from napari_sciml.training.metrics import Scores
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
        What its probabilities mean, once the training has ended.
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
