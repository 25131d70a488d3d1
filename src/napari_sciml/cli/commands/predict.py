"""The commands predict and threshold."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_sciml.cli.batch import end_batch, tell_file
from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import (
    MAX_EDGE,
    AsJson,
    Device,
    Overwrite,
    ResumeMany,
    Scheduler,
    Threads,
    finite,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.uncertainty.threshold import ThresholdConfig

THRESHOLD = ThresholdConfig()


class IntensityOf(StrEnum):
    """Which image the scale of the gray values is from."""

    MODEL = "model"
    IMAGE = "image"


def predict(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[
        list[Path],
        typer.Argument(help="Volumes or images: files, folders, patterns in quotes."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="OME-Zarr to write; .tif: a TIFF, too. Of several images a folder."
        ),
    ],
    block: Annotated[
        int | None,
        typer.Option(min=16, max=MAX_EDGE, help="Edge of a block; by the memory."),
    ] = None,
    level: Annotated[
        int,
        typer.Option(min=0, max=64, help="Of an OME-Zarr; 0 is the full resolution."),
    ] = 0,
    memory: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=1e6,
            callback=finite,
            help="GB to use at most; most of what is free.",
        ),
    ] = None,
    half: Annotated[
        bool,
        typer.Option(
            "--half", help="Faster, in bfloat16: off by 0.001 on average, 0.01 at most."
        ),
    ] = False,
    intensity: Annotated[
        IntensityOf,
        typer.Option(help="Gray scale: of the model's image, or sampled of this one."),
    ] = IntensityOf.MODEL,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with what stopped; leave out what is done."
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what a stopped one has done.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Predict images: mean and standard deviation over the ensemble."""
    from napari_sciml.cluster.batch import predicting_on
    from napari_sciml.cluster.prediction import predict_somewhere
    from napari_sciml.workflows.batch.predictions import is_for_one, predict_files

    settings: dict[str, Any] = {
        "level": level,
        "block": block,
        "half": half,
        "intensity": intensity.value,
        "device": device,
        "threads": threads,
        "memory": None if memory is None else memory * 1e9,
        "resume": resume,
        "restart": restart,
        "overwrite": overwrite,
        "say": say,
    }
    if is_for_one(model, image, out, say):
        with stage("Predicting") as report:
            summary = predict_somewhere(
                model, image[0], out, **settings, scheduler=scheduler, report=report
            )
        print_summary(summary, as_json)
        return
    with stage("Predicting") as report:
        result = predict_files(
            model,
            image,
            out,
            **settings,
            report=report,
            each=tell_file,
            predictor=predicting_on(scheduler, say),
        )
    end_batch(result, as_json)


@takes(ThresholdConfig, "class_name", "k", "t", class_name="--class")
def threshold(
    prediction: Annotated[
        list[Path],
        typer.Argument(help="What predict wrote: zarrs, their folder, patterns."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Mask to write: .tif, .npy or .zarr. Of several predictions a folder."
        ),
    ],
    config: ThresholdConfig = THRESHOLD,
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.999,
            callback=finite,
            help="Conformal coverage, instead of k and t.",
        ),
    ] = None,
    resume: ResumeMany = False,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Keep only what is sure: mean - k std > t, or a conformal coverage."""
    from napari_sciml.cluster.executor import on_workers
    from napari_sciml.workflows.batch.inputs import find_predictions, means_one
    from napari_sciml.workflows.thresholding.files import threshold_prediction

    if means_one(prediction, out, lambda: find_predictions(prediction), say):
        with stage("Keeping what is sure") as report:
            summary = threshold_prediction(
                prediction[0],
                out,
                config,
                start=on_workers(scheduler, say),
                coverage=coverage,
                overwrite=overwrite,
                report=report,
            )
        print_summary(summary, as_json)
        return

    from napari_sciml.cluster.batch import working_on
    from napari_sciml.workflows.batch.masks import threshold_files

    with stage("Keeping what is sure") as report:
        result = threshold_files(
            prediction,
            out,
            config,
            coverage=coverage,
            resume=resume,
            overwrite=overwrite,
            say=say,
            report=report,
            each=tell_file,
            workers=working_on(scheduler, say),
        )
    end_batch(result, as_json)
