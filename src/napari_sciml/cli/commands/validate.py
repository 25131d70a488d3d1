"""The commands check and validate: whether a model can be relied on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.options import (
    AsJson,
    Device,
    Overwrite,
    Threads,
    finite,
    reading_of_labels,
)
from napari_sciml.cli.terminal import print_summary, say, stage

MAX_FOLDS = 100


def check(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[Path, typer.Argument(help="Volume or image to use it on.")],
    as_json: AsJson = False,
) -> None:
    """Tell whether an image is like the one that a model was trained on."""
    from napari_sciml.workflows.validation.check import check_model

    print_summary(check_model(model, image), as_json)


def validate(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[Path, typer.Argument(help="Volume or image.")],
    labels: Annotated[
        Path,
        typer.Argument(help="Strokes, or a truth; 0 = not annotated, 1, 2 … = class."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write tables and pictures to.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Names of the labels 1, 2 …, with commas; the model's."),
    ] = None,
    ignore: Annotated[
        list[int] | None,
        typer.Option(help="Label value to treat as not annotated; repeatable."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="Class of a value or color, as of train."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=MAX_FOLDS,
            help="Train so many models like it, each without some of the strokes, and "
            "judge them by these.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1,
            callback=finite,
            help="Of each of these trainings; as long as the model's.",
        ),
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare a model with labels that it has not seen, or cross-check strokes."""
    from napari_sciml.errors import InputError
    from napari_sciml.workflows.validation.files import (
        cross_check_model,
        validate_model,
    )
    from napari_sciml.workflows.validation.inputs import ValidationFiles
    from napari_sciml.workflows.validation.record import words_of

    if seconds is not None and folds is None:
        raise InputError("--seconds are those of the trainings of --folds: give both.")
    files = ValidationFiles(
        model,
        image,
        labels,
        out=out,
        **reading_of_labels(classes, ignore, mapping),
        overwrite=overwrite,
    )
    with stage("Validating") as report:
        if folds is None:
            record = validate_model(
                files, device=device, threads=threads, say=say, report=report
            )
        else:
            record = cross_check_model(
                files,
                folds=folds,
                seconds=seconds,
                device=device,
                threads=threads,
                say=say,
                report=report,
            )
    print_summary(record if as_json else words_of(record), as_json)
