"""A training in a viewer, as long as it runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_sciml.plugin.state.labels.training_labels import TrainingLabels
from napari_sciml.plugin.state.model import Model
from napari_sciml.plugin.train.loaded_start import LoadedStart
from napari_sciml.project.runs import RunEvent, RunTook, run_started
from napari_sciml.training.config import TrainingConfig

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.calibration import Calibration
    from napari_sciml.training.events import LabelsUpdated, ModelReady


@dataclass
class RunningTraining:
    """What a training began with, and what it makes of it.

    Attributes
    ----------
    labels
        The annotation as it has it.
    settings
        What it was told.
    loaded
        The model that it began with; None where it began with none.
    run
        Its number in the project.
    trained_on
        Voxel size, unit and type of the image.
    """

    labels: TrainingLabels
    settings: TrainingConfig
    loaded: LoadedStart | None
    run: int
    trained_on: dict[str, Any]
    _told: bool = field(default=False, init=False)
    _before: int | None = field(default=None, init=False)
    _judged: "tuple[Calibration | None, int | None]" = field(
        default=(None, None), init=False
    )

    def model(self, ready: "ModelReady") -> Model:
        """Give what it has made, for the viewer."""
        if ready.calibration is not self._judged[0]:
            self._judged = ready.calibration, ready.revision
        return Model(
            ready.ensemble,
            number=ready.number,
            kind=ready.kind,
            revision=ready.revision,
            scores=ready.scores,
            calibration=ready.calibration,
            judged=self._judged[1],
            # Others like it can then be trained on the same strokes.
            settings=self.settings.model_copy(update={"before": self._before}),
            run=self.run,
            round=ready.round,
            seconds=ready.seconds,
            steps=ready.steps,
            trained_on=self.trained_on,
            began="" if self.loaded is None else self.loaded.verdict(ready.goes_on),
        )

    def log(self, taken: "LabelsUpdated", *, left_out: bool) -> Iterator[RunEvent]:
        """Tell what a replay needs to know when strokes were taken in.

        Parameters
        ----------
        taken
            What has just happened.
        left_out
            Whether strokes on what is out of focus were left out.
        """
        if self.labels.several:
            return  # a project knows the strokes of one image
        self._before = taken.before
        if not self._told:
            self._told = True
            names = self.labels.feed.class_names
            begun = None if self.loaded is None else self.loaded.named
            yield run_started(self.run, self.settings, names, begun, taken.before)
        yield RunTook(self.run, taken.round, taken.revision, left_out)
