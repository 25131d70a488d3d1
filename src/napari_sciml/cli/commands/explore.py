"""The command explore."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import AsJson, Overwrite, Threads, describe
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.exploring.config import ExploreConfig, Grouping

EXPLORE = ExploreConfig()


class DescribeName(StrEnum):
    """What describes patches."""

    FRONT = "front"
    AUTOENCODER = "autoencoder"
    MODEL = "model"


@takes(
    ExploreConfig,
    *("dims", "patch", "stride", "latent", "map", "seconds", "steps", "seed"),
    "device",
)
def explore(
    images: Annotated[
        list[Path],
        typer.Argument(
            help="An image or stack, whose patches are looked at; or several images, "
            "of which each is a point."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    described_by: Annotated[
        DescribeName | None,
        typer.Option(
            "--describe",
            help=describe(ExploreConfig, "describe") + " By default front, or --model.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder: of train, or of an earlier explore."),
    ] = None,
    config: ExploreConfig = EXPLORE,
    clusters: Annotated[
        str, typer.Option(help="kmeans:6 or hdbscan:50 with another number.")
    ] = ExploreConfig().clusters.text,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Map the patches of an image by their looks: what is alike, and what is odd."""
    from napari_sciml.workflows.exploring.files import describe_of, explore_files

    usual = "front" if model is None else describe_of(model)
    described = usual if described_by is None else described_by.value
    config = config.model_copy(
        update={"describe": described, "clusters": Grouping.parse(clusters)}
    )
    with stage("Exploring") as report:
        summary = explore_files(
            images,
            out,
            config=config,
            model=model,
            threads=threads,
            overwrite=overwrite,
            report=report,
            say=say,
        )
    print_summary(summary, as_json)
