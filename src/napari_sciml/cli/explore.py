"""The command explore."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_sciml.bounds import MAX_SEED
from napari_sciml.cli.options import AsJson, Device, Overwrite, Threads, describe
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.exploring.config import ExploreConfig, Grouping

EXPLORE = ExploreConfig()


class DescribeName(StrEnum):
    """What describes patches."""

    FRONT = "front"
    AUTOENCODER = "autoencoder"
    MODEL = "model"


class MapName(StrEnum):
    """What makes the plane."""

    AUTO = "auto"
    TSNE = "tsne"
    PCA = "pca"
    UMAP = "umap"


def _describe(field: str) -> str:
    return describe(ExploreConfig, field)


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
            "--describe", help=_describe("describe") + " By default front, or --model."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder: of train, or of an earlier explore."),
    ] = None,
    dims: Annotated[
        int | None, typer.Option(min=2, max=3, help=_describe("dims"))
    ] = None,
    patch: Annotated[
        int, typer.Option(min=4, max=4096, help=_describe("patch"))
    ] = EXPLORE.patch,
    stride: Annotated[
        int, typer.Option(min=1, max=4096, help=_describe("stride"))
    ] = EXPLORE.stride,
    latent: Annotated[
        int, typer.Option(min=1, max=1024, help=_describe("latent"))
    ] = EXPLORE.latent,
    map_kind: Annotated[
        MapName, typer.Option("--map", help=_describe("map"))
    ] = MapName.AUTO,
    clusters: Annotated[
        str, typer.Option(help="kmeans:6 or hdbscan:50 with another number.")
    ] = EXPLORE.clusters.text,
    seconds: Annotated[
        float, typer.Option(min=1, max=1e6, help=_describe("seconds"))
    ] = EXPLORE.seconds,
    steps: Annotated[
        int | None, typer.Option(min=1, max=10**7, help=_describe("steps"))
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help=_describe("seed"))
    ] = EXPLORE.seed,
    device: Device = EXPLORE.device,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Map the patches of an image by their looks: what is alike, and what is odd."""
    from napari_sciml.workflows.exploring.files import describe_of, explore_files

    usual = "front" if model is None else describe_of(model)
    settings: dict[str, Any] = {
        "describe": usual if described_by is None else described_by.value,
        "dims": dims,
        "patch": patch,
        "stride": stride,
        "latent": latent,
        "map": map_kind.value,
        "clusters": Grouping.parse(clusters),
        "seconds": seconds,
        "steps": steps,
        "seed": seed,
        "device": device,
    }
    with stage("Exploring") as report:
        summary = explore_files(
            images,
            out,
            config=ExploreConfig(**settings),
            model=model,
            threads=threads,
            overwrite=overwrite,
            report=report,
            say=say,
        )
    print_summary(summary, as_json)
