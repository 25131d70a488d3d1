"""The command explain: why a voxel is taken for its class."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.options import AsJson, Device, Overwrite, Threads, describe
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.errors import InputError
from napari_sciml.explaining.config import ExplainConfig

EXPLAIN = ExplainConfig()


def explain(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[Path, typer.Argument(help="Volume or image.")],
    at: Annotated[str, typer.Option(help="Voxel: z,y,x, or y,x of an image.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write numbers, maps and a picture to.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Strokes on this image, as of train.")
    ] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help=describe(ExplainConfig, "class_name"))
    ] = EXPLAIN.class_name,
    blocks: Annotated[
        int, typer.Option(min=1, max=31, help=describe(ExplainConfig, "blocks"))
    ] = EXPLAIN.blocks,
    edge: Annotated[
        int, typer.Option(min=1, max=64, help=describe(ExplainConfig, "edge"))
    ] = EXPLAIN.edge,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Tell why a voxel is taken for its class: members, channels, strokes, around."""
    from napari_sciml.workflows.explaining.files import explain_file

    config = ExplainConfig(class_name=class_, blocks=blocks, edge=edge)
    place = _place(at)
    with stage("Asking why") as report:
        summary = explain_file(
            model,
            image,
            place,
            out,
            labels=labels,
            config=config,
            device=device,
            threads=threads,
            overwrite=overwrite,
            say=say,
            report=report,
        )
    print_summary(summary, as_json)


def _place(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"The place '{text}' is not understood: give whole numbers with commas, "
            "such as --at 12,80,95."
        ) from None
