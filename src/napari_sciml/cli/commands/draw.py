"""The command draw: what the networks of a model look like."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.options import AsJson, Overwrite
from napari_sciml.cli.terminal import print_summary


def draw(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write pictures and table to.")],
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw the random graph of each network, with its size and how far it looks."""
    from napari_sciml.workflows.drawing import draw_model

    print_summary(draw_model(model, out, overwrite=overwrite), as_json)
