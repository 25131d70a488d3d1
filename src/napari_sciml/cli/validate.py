"""The commands check and validate: whether a model can be relied on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.options import AsJson
from napari_sciml.cli.terminal import print_summary


def check(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[Path, typer.Argument(help="Volume or image to use it on.")],
    as_json: AsJson = False,
) -> None:
    """Tell whether an image is like the one that a model was trained on."""
    from napari_sciml.workflows.validation.check import check_model

    print_summary(check_model(model, image), as_json)
