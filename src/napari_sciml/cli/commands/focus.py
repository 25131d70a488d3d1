"""The command focus."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.cli.options import (
    MAX_EDGE,
    AsJson,
    Device,
    Overwrite,
    Threads,
    describe,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig

FOCUS = FocusTrainingConfig()


def _describe(field: str) -> str:
    return describe(FocusTrainingConfig, field)


def focus(
    images: Annotated[
        list[Path],
        typer.Argument(help="Image, stack or time series; several with --train."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    train: Annotated[
        bool, typer.Option("--train", help="Train a model on images in focus.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Focus model; the built-in one if not set.")
    ] = None,
    original: Annotated[
        Path | None,
        typer.Option(help="The model of Yang et al. (2018): its Fiji zip."),
    ] = None,
    channel: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_EDGE,
            help="Channel to rate; of colors the mean, else the first.",
        ),
    ] = None,
    tile: Annotated[
        int, typer.Option(min=16, max=MAX_EDGE, help="Edge of a tile in pixels.")
    ] = 84,
    stride: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_EDGE, help="From tile to tile; the edge if not set."
        ),
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="Lowest,highest value; for --original only.")
    ] = None,
    measures: Annotated[
        bool, typer.Option("--measures", help="Classic measures in the table too.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, help=_describe("seconds"))
    ] = FOCUS.seconds,
    steps: Annotated[int | None, typer.Option(min=1, help=_describe("steps"))] = None,
    from_pretrained: Annotated[
        bool,
        typer.Option("--from-pretrained", help=_describe("from_pretrained")),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help=_describe("seed"))] = FOCUS.seed,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Tell which parts of an image are in focus; or train on your own images."""
    from napari_sciml.workflows.focus.files import rate_file, train_files

    if train:
        config = FocusTrainingConfig(
            seconds=seconds,
            steps=steps,
            from_pretrained=from_pretrained,
            seed=seed,
            device=device,
            threads=threads,
        )
        with stage("Training") as report:
            summary = train_files(
                images, out, config, overwrite=overwrite, report=report, say=say
            )
    elif len(images) > 1:
        raise InputError("Give one image or stack to rate; several only to --train.")
    else:
        with stage("Rating focus") as report:
            summary = rate_file(
                images[0],
                out,
                model=model,
                original=original,
                channel=channel,
                tile=tile,
                stride=stride,
                scale=_pair(scale),
                measures=measures,
                device=device,
                threads=threads,
                overwrite=overwrite,
                report=report,
                say=say,
            )
    print_summary(summary, as_json)


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
        if not max(abs(low), abs(high)) <= MAX_VALUE:
            raise ValueError("NaN, infinite, or beyond single precision")
    except ValueError as error:
        raise InputError("Give the scale as two numbers, such as 0,255.") from error
    return low, high
