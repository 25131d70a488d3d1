"""The command fibers."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.options import MAX_EDGE, AsJson, Overwrite, Scheduler, describe
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig

FIBERS, THRESHOLD = FiberConfig(), ThresholdConfig()


def fibers(
    mask: Annotated[Path, typer.Argument(help="Mask of the fibers.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    image: Annotated[
        Path | None, typer.Option(help="Gray image, for the overview picture.")
    ] = None,
    probability: Annotated[
        Path | None,
        typer.Option(
            help="Prediction that the mask was made from: tells where fibers touch and "
            "end, and the confidence of each."
        ),
    ] = None,
    class_: Annotated[
        str, typer.Option("--class", help="Class of the prediction.")
    ] = THRESHOLD.class_name,
    dust: Annotated[
        int, typer.Option(min=0, help=describe(FiberConfig, "dust"))
    ] = FIBERS.dust,
    dust_volume: Annotated[
        float | None, typer.Option(min=0, help=describe(FiberConfig, "dust_volume"))
    ] = FIBERS.dust_volume,
    split: Annotated[
        bool, typer.Option(help=describe(FiberConfig, "split"))
    ] = FIBERS.split,
    slenderness: Annotated[
        float, typer.Option(min=0, help=describe(FiberConfig, "slenderness"))
    ] = FIBERS.slenderness,
    extend: Annotated[
        bool, typer.Option(help=describe(FiberConfig, "extend"))
    ] = FIBERS.extend,
    connectivity: Annotated[
        int, typer.Option(help=describe(FiberConfig, "connectivity"))
    ] = FIBERS.connectivity,
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
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Split a mask into fibers; measure lengths and directions."""
    from napari_sciml.cluster.executor import on_workers
    from napari_sciml.workflows.pipeline import measure_mask

    config = FiberConfig.model_validate(
        {
            "dust": dust,
            "dust_volume": dust_volume,
            "connectivity": connectivity,
            "split": split,
            "slenderness": slenderness,
            "extend": extend,
        }
    )
    with stage("Measuring fibers") as report:
        summary = measure_mask(
            mask,
            out,
            config,
            image=image,
            probability=probability,
            class_name=class_,
            voxel_size=voxel_size,
            unit=unit,
            sweep=sweep,
            block=block,
            start=on_workers(scheduler, say),
            say=say,
            overwrite=overwrite,
            report=report,
        )
    print_summary(summary, as_json)
