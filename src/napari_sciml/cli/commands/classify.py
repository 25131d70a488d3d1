"""The command classify: whole images, or patches, into classes."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.bounds import MAX_SEED
from napari_sciml.classification.config import COVERAGE
from napari_sciml.cli.options import AsJson, Overwrite, finite
from napari_sciml.cli.terminal import print_summary, stage


def classify(
    source: Annotated[
        Path,
        typer.Argument(
            help="CSV of examples: image,class and perhaps group, or patch,class; or "
            "a model that was kept.",
        ),
    ],
    image: Annotated[
        list[Path],
        typer.Argument(
            help="What to sort: files, folders, patterns in quotes; for examples that "
            "are patches, the folder that explore wrote."
        ),
    ],
    out: Annotated[Path, typer.Option(help="CSV to write, a row an image or patch.")],
    model_out: Annotated[
        Path | None, typer.Option(help="Folder to keep what was learned in.")
    ] = None,
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
    """Sort images or patches into classes, from a few examples, and say how surely."""
    from napari_sciml.workflows.classifying.files import classify_files

    with stage("Sorting") as report:
        summary = classify_files(
            source,
            image,
            out,
            model_out=model_out,
            coverage=coverage,
            seed=seed,
            overwrite=overwrite,
            report=report,
        )
    print_summary(summary, as_json)
