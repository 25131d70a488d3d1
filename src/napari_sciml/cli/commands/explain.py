"""The command explain: why a voxel is taken for its class."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import AsJson, Device, Overwrite, Threads
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.errors import InputError
from napari_sciml.explaining.config import ExplainConfig

EXPLAIN = ExplainConfig()


@takes(ExplainConfig, "class_name", "blocks", "edge", class_name="--class")
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
    config: ExplainConfig = EXPLAIN,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Tell why a voxel is taken for its class: members, channels, strokes, around."""
    from napari_sciml.workflows.explaining.files import explain_file

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
