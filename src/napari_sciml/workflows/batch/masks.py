"""Keep what is sure of many predictions."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from napari_sciml.executor import Start
from napari_sciml.progress import Report, Say
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.driver import Step
from napari_sciml.workflows.batch.folder import begin_batch
from napari_sciml.workflows.batch.inputs import Named, find_predictions
from napari_sciml.workflows.batch.result import (
    BatchResult,
    Each,
    done_with_all,
    say_all,
)
from napari_sciml.workflows.thresholding.files import threshold_prediction

ENDING = ".tif"


def threshold_files(
    predictions: Named,
    out: str | Path,
    config: ThresholdConfig | None = None,
    *,
    coverage: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report | None = None,
    each: Each | None = None,
    workers: AbstractContextManager[Start | None] | None = None,
) -> BatchResult:
    """Make a mask of each of many predictions, ``NAME.tif`` in a folder.

    Parameters
    ----------
    predictions
        Predictions, folders of them and patterns, as in `find_predictions`.
    out
        Folder to write; see `begin_batch`.
    config, coverage
        As in `threshold_prediction`.
    resume
        Leave out what is done, of predictions that are the same.
    overwrite
        Do all again that an earlier run has done.
    say, report, each
        As in `predict_files`.
    workers
        Gives what decides on the parts, once for all; in this process by default.

    Returns
    -------
    BatchResult
        What became of each file.

    Raises
    ------
    InputError
        When the folder cannot be used, or nothing is named.
    """
    out, config = Path(out), config or ThresholdConfig()
    found = find_predictions(predictions, out=out)
    folder = begin_batch(
        out,
        "threshold",
        found.paths,
        named=found.named,
        ending=ENDING,
        resume=resume,
        overwrite=overwrite,
    )
    say_all(say, found.told)
    with workers or nullcontext() as start:

        def run(prediction: Path, target: Path, told: Report) -> dict[str, Any]:
            return threshold_prediction(
                prediction,
                target,
                config,
                coverage=coverage,
                report=told,
                start=start,
            )

        settings = {**config.model_dump(mode="json"), "coverage": coverage}
        step = Step("threshold", "labels", run, settings)
        return done_with_all(step, folder, resume=resume, report=report, each=each)
