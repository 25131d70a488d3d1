"""The command fibers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_sciml.cli.batch import end_batch, tell_file
from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import (
    MAX_EDGE,
    AsJson,
    Overwrite,
    ResumeMany,
    Scheduler,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig

FIBERS = FiberConfig()

THRESHOLD = ThresholdConfig()


@takes(ThresholdConfig, "class_name", as_="chosen", class_name="--class")
@takes(
    FiberConfig,
    *("dust", "dust_volume", "split", "slenderness", "extend", "connectivity"),
)
def fibers(
    mask: Annotated[
        list[Path],
        typer.Argument(help="Masks of fibers: files, folders, patterns in quotes."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    image: Annotated[
        Path | None,
        typer.Option(
            help="Gray image, for the overview picture; of several masks the folder "
            "or pattern of images of the same names."
        ),
    ] = None,
    probability: Annotated[
        Path | None,
        typer.Option(
            help="Prediction that the mask was made from: tells where fibers touch and "
            "end, and the confidence of each; of several masks the folder or pattern "
            "of predictions of the same names."
        ),
    ] = None,
    chosen: ThresholdConfig = THRESHOLD,
    config: FiberConfig = FIBERS,
    voxel_size: Annotated[
        str | None,
        typer.Option(help="Voxel edges z,y,x with commas, or one number for all."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Unit of the voxel size; without one, what lengths are converted to."
        ),
    ] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Lengths at other k and t, too; needs --probability."
        ),
    ] = False,
    block: Annotated[
        int | None,
        typer.Option(
            min=16,
            max=MAX_EDGE,
            help="Read the mask by blocks of this edge, as is done anyway where it "
            "would not fit into the memory, and with a scheduler; labels.zarr instead "
            "of labels.tif.",
        ),
    ] = None,
    resume: ResumeMany = False,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Split masks into fibers; measure lengths and directions, and compare them."""
    from napari_sciml.cluster.batch import working_on
    from napari_sciml.cluster.executor import on_workers
    from napari_sciml.workflows.batch.inputs import find_images, means_one
    from napari_sciml.workflows.batch.measurements import measure_files
    from napari_sciml.workflows.pipeline import measure_mask

    settings: dict[str, Any] = {
        "class_name": chosen.class_name,
        "voxel_size": voxel_size,
        "unit": unit,
        "sweep": sweep,
        "block": block,
        "overwrite": overwrite,
        "say": say,
    }
    if means_one(mask, out, lambda: find_images(mask), say):
        with stage("Measuring fibers") as report:
            summary = measure_mask(
                mask[0],
                out,
                config,
                image=image,
                probability=probability,
                **settings,
                start=on_workers(scheduler, say),
                report=report,
            )
        print_summary(summary, as_json)
        return
    with stage("Measuring fibers") as report:
        result = measure_files(
            mask,
            out,
            config,
            images=image,
            probabilities=probability,
            **settings,
            resume=resume,
            report=report,
            each=tell_file,
            workers=working_on(scheduler, say),
        )
    end_batch(result, as_json)
