"""What becomes of many files, while the viewer goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.images.volume import unique
from napari_sciml.io.results.batch_record import Command
from napari_sciml.io.results.outputs import OursError
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.work import Work
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.progress import duration
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.chain import (
    Chain,
    ChainEnded,
    StepBegan,
    StepEnded,
    StepGrew,
    Told,
    run_chain,
)
from napari_sciml.workflows.batch.inputs import find_images

if TYPE_CHECKING:
    from napari_sciml.workflows.batch.driver import FileEnded

MODEL = "model"
"""Folder of the model, in the folder of results."""
VERBS: dict[Command, str] = {
    "predict": "Predicting",
    "threshold": "Keeping what is sure",
    "fibers": "Measuring fibers",
}


@dataclass
class FileRow:
    """One image, and what has become of it.

    Attributes
    ----------
    path
        Of the image.
    name
        What its results are called; empty before it is predicted.
    ended
        Of each step that it has gone through.
    """

    path: Path
    name: str = ""
    ended: dict[Command, "FileEnded"] = field(default_factory=dict)

    @property
    def result(self) -> Path | None:
        """The last thing that was made of it."""
        made = [one.result for one in self.ended.values() if one.state != "failed"]
        return made[-1] if made else None

    @property
    def words(self) -> str:
        """What a person should know: why it failed, or the cautions."""
        errors = [one.error for one in self.ended.values() if one.error]
        cautions = unique(*(one.cautions for one in self.ended.values()))
        return " ".join([*errors, *cautions])


class FilesController(Work):
    """Runs a model on files, one after the other, and remembers what came of it.

    Parameters
    ----------
    workspace, prediction
        Have the runner and the model.

    Attributes
    ----------
    rows
        The images.
    stopping
        Whether the user has asked for the end.
    status
        What it does, in a sentence.
    report
        The page that compares all, once it is written.
    """

    title = "Running on files"

    def __init__(self, workspace: Workspace, prediction: Prediction) -> None:
        super().__init__(workspace)
        self._prediction = prediction
        self.rows: list[FileRow] = []
        self.stopping = False
        self.status = ""
        self._share = 0.0
        self.report: Path | None = None
        self._step: tuple[int, int] = (1, 1)
        self._left: float = 0.0
        self._begun: Sequence[FileRow] = ()
        self._ended: ChainEnded | None = None

    @property
    def model_words(self) -> str:
        """Which model it is; empty without one."""
        model = self._prediction.model
        if model is None:
            return ""
        if model.source is not None:
            return Path(model.source).name
        return model.words

    def add(self, paths: Sequence[str | Path]) -> tuple[str, ...]:
        """Add images, and those of folders; give sentences on what was guessed.

        Raises
        ------
        InputError
            When there is no image among them.
        """
        model = self._prediction.model
        dims = None if model is None else model.ensemble.dims
        found = find_images(list(paths), dims=dims)
        known = {row.path for row in self.rows}
        self.rows += [FileRow(path) for path in found.paths if path not in known]
        self.changed.emit()
        return found.told

    def remove(self, rows: Sequence[FileRow]) -> None:
        """Take images from the list; their results stay."""
        self.rows = [row for row in self.rows if row not in rows]
        self.changed.emit()

    def start(
        self,
        out: Path,
        *,
        sure: ThresholdConfig | None = None,
        coverage: float | None = None,
        fibers: FiberConfig | None = None,
        device: str = "auto",
        overwrite: bool = False,
    ) -> None:
        """Do what is not done yet.

        Parameters
        ----------
        out
            Folder of the results; the model goes into it, too.
        sure, coverage, fibers, device
            As in `Chain`.
        overwrite
            Whether results of another model may be replaced, and all is done anew.

        Raises
        ------
        InputError
            When there is no model or file, another job is running, or something
            else is in the folder.
        """
        from napari_sciml.networks.device import default_threads

        if not self.rows:
            raise InputError("There is no file yet: add the images to predict.")
        self._workspace.runner.check_free()
        model = self._keep_model(out, overwrite)
        chain = Chain(
            model,
            out,
            sure,
            coverage,
            fibers,
            device,
            default_threads(viewer=True),
            again=overwrite,
        )
        self._begun = tuple(self.rows)
        for row in self._begun:
            row.ended = {}
        paths = [row.path for row in self._begun]
        self._start("run", run_chain, paths, chain)

    def stop(self) -> None:
        """Stop soon; what is done is kept."""
        if self.running:
            self.stopping, self.status = True, "Stopping …"
        super().stop()

    @property
    def share(self) -> float:
        """How much of all steps is done, 0 to 1."""
        return self._share

    def _runner(self, doing: str) -> JobRunner:
        return self._workspace.runner

    def _reset_progress(self) -> None:
        self.stopping = False
        if self.running:
            self._share, self._left = 0.0, 0.0
            self.report, self._ended = None, None
            self.status = "Getting ready …"

    def _keep_model(self, out: Path, overwrite: bool) -> Path:
        """Put the model beside its results, unless it is there already."""
        from napari_sciml.io.models.folder import read_weights_sha256, weights_sha256

        model, folder = self._prediction.model, out / MODEL
        if model is None:
            raise InputError("There is no model yet: train one or load one.")
        try:
            kept = read_weights_sha256(folder)
        except InputError:  # none there, or none that can be read
            kept = ""
        if kept == weights_sha256(model.ensemble):
            return folder
        if kept and not overwrite:
            raise OursError(out, f"{out} holds the results of another model.")
        self._prediction.save(folder, overwrite=overwrite)
        return folder

    def _on_event(self, event: object) -> None:
        if isinstance(event, StepBegan):
            self._step, self._left = (event.number, event.total), 0.0
        elif isinstance(event, StepGrew):
            self._grow(event)
        elif isinstance(event, StepEnded):
            self._left = event.file.seconds_left
            self._note(event)
        elif isinstance(event, Told):
            self._say(event.sentence)
        elif isinstance(event, ChainEnded):
            self._ended = event

    def _grow(self, event: StepGrew) -> None:
        number, total = self._step
        self._share = (number - 1 + event.share) / total
        left = f", {duration(self._left)} left" if self._left >= 1 else ""
        step = f"Step {number} of {total}: " if total > 1 else ""
        self._say(f"{step}{VERBS[event.step]} {event.words}{left}.")

    def _note(self, event: StepEnded) -> None:
        for row in self._begun:
            first = event.step == "predict" and row.path == event.file.image
            if first or (row.name and row.name == event.file.name):
                row.name = event.file.name
                row.ended[event.step] = event.file
        self.changed.emit()

    def _on_finished(self) -> None:
        super()._on_finished()
        if self._ended is None:
            self._say("Stopped; what is done is kept: press Run to go on.")
            return
        self._share = 1.0
        results = self._ended.results
        measured = results.get("fibers")
        if measured is not None and measured.tables:
            self.report = measured.out / "report.html"
        failed = {one.name for result in results.values() for one in result.failed}
        total = len(results["predict"])
        lost = f" {_files(len(failed))} failed: see the list." if failed else ""
        self._say(f"Done with {total - len(failed)} of {_files(total)}.{lost}")

    def _say(self, sentence: str) -> None:
        self.status = sentence
        self.changed.emit()


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
