"""Predict many images by one model."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

from napari_sciml.errors import InputError
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.progress import Report, Say
from napari_sciml.workflows.batch.driver import Step
from napari_sciml.workflows.batch.folder import begin_batch
from napari_sciml.workflows.batch.inputs import Inputs, Named, find_images, means_one
from napari_sciml.workflows.batch.result import (
    BatchResult,
    Each,
    done_with_all,
    say_all,
)
from napari_sciml.workflows.prediction.files import predict_image

ENDING = ".ome.zarr"


PredictOne = Callable[..., dict[str, Any]]
"""`predict_image`, or what does the same elsewhere."""

Predictor = AbstractContextManager[PredictOne]
"""Gives what predicts, for as long as it is entered: once for all images."""


def is_for_one(model: Path, images: Sequence[Path], out: Path, say: Say) -> bool:
    """Whether a single image is meant; see `means_one`.

    Raises
    ------
    InputError
        As `find_images`; and where the model has to be read, as `load_model`.
    """
    from napari_sciml.io.models.folder import load_model

    def find() -> Inputs:
        return find_images(images, dims=load_model(model).dims)

    return means_one(images, out, find, say)


def predict_files(
    model: str | Path,
    images: Named,
    out: str | Path,
    *,
    level: int = 0,
    block: int | None = None,
    half: bool = False,
    intensity: Literal["model", "image"] = "model",
    device: str = "auto",
    threads: int | None = None,
    memory: float | None = None,
    resume: bool = False,
    restart: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report | None = None,
    each: Each | None = None,
    predictor: Predictor | None = None,
) -> BatchResult:
    """Predict many images into a folder, ``NAME.ome.zarr`` each.

    An image that cannot be predicted stops none of the others.

    Parameters
    ----------
    model
        Model folder.
    images
        Files, folders and patterns, as in `find_images`.
    out
        Folder to write; see `begin_batch`.
    level, block, half, intensity, device, threads, memory
        As in `predict_image`.
    resume
        Leave out what is done, and go on with what is begun.
    restart
        Throw away what is begun.
    overwrite
        Do all again that an earlier run has done.
    say
        Gets sentences on what was guessed, before the work starts.
    report
        Told the share of all that is done.
    each
        Called with each file as soon as it is finished with.
    predictor
        What predicts; in this process by default.

    Returns
    -------
    BatchResult
        What became of each file.

    Raises
    ------
    InputError
        When the model or the folder cannot be used, or nothing is named. What is
        wrong with one image stands in the result.
    """
    from napari_sciml.io.models.folder import load_model

    model, out = Path(model), Path(out)
    found = find_images(images, dims=load_model(model).dims, out=out)
    folder = begin_batch(
        out,
        "predict",
        found.paths,
        named=(model, *found.named),
        ending=ENDING,
        resume=resume or restart,
        overwrite=overwrite,
    )
    say_all(say, found.told)
    settings = {"level": level, "block": block, "half": half, "intensity": intensity}
    with predictor or _here() as predict_one:

        def run(image: Path, target: Path, told: Report) -> dict[str, Any]:
            summary = predict_one(
                model,
                image,
                target,
                **settings,
                device=device,
                threads=threads,
                memory=memory,
                resume=resume,
                restart=restart or (overwrite and not resume),
                report=told,
            )
            return _completed(summary, target)

        step = Step("predict", "prediction", run, settings, looks_itself=True)
        return done_with_all(step, folder, resume=resume, report=report, each=each)


def _here() -> Predictor:
    return nullcontext(predict_image)


def _completed(summary: dict[str, Any], result: Path) -> dict[str, Any]:
    """With the cautions, which `predict_image` tells only of what it has done."""
    try:
        about = PredictionStore.open(result).provenance["plan"]
    except (InputError, KeyError):
        return summary
    kept = "gray_values" not in summary
    return {**summary, "cautions": about["cautions"], "kept": kept}
