"""The command classify: whole images into classes."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.bounds import MAX_SEED
from napari_sciml.cli.options import AsJson, Overwrite, finite
from napari_sciml.cli.terminal import print_summary, stage
from napari_sciml.workflows.classifying import COVERAGE


def classify(
    table: Annotated[
        Path, typer.Argument(help="CSV of examples: image,class and perhaps group.")
    ],
    image: Annotated[
        list[Path],
        typer.Argument(help="Images to sort: files, folders, patterns in quotes."),
    ],
    out: Annotated[Path, typer.Option(help="CSV to write, a row an image.")],
    coverage: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.999,
            callback=finite,
            help="Share of images whose possible classes shall hold the true one.",
        ),
    ] = COVERAGE,
    seed: Annotated[
        int, typer.Option(min=0, max=min(MAX_SEED, 2**31), help="Of the trees.")
    ] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Sort whole images into classes, from a few examples, and say how surely."""
    from napari_sciml.workflows.classifying import classify_files

    with stage("Sorting") as report:
        summary = classify_files(
            table,
            image,
            out,
            coverage=coverage,
            seed=seed,
            overwrite=overwrite,
            report=report,
        )
    print_summary(summary, as_json)
