"""The command restore."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import (
    AsJson,
    Overwrite,
    Threads,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.restoration.config import RestoreConfig

RESTORE = RestoreConfig()


class DTypeChoice(StrEnum):
    """Type of the gray values that are written."""

    FLOAT32 = "float32"
    SAME = "same"


@takes(
    RestoreConfig,
    *("method", "axis", "seconds", "steps", "members", "strength", "seed", "device"),
)
def restore(
    image: Annotated[Path, typer.Argument(help="Image or volume, gray.")],
    out: Annotated[Path, typer.Option(help="Image to write: .tif or .zarr.")],
    config: RestoreConfig = RESTORE,
    second: Annotated[
        Path | None, typer.Option(help="Second scan of the same, to learn from.")
    ] = None,
    clean: Annotated[
        Path | None, typer.Option(help="Clean images of the same, to learn from.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Networks that were kept, instead of training.")
    ] = None,
    model_out: Annotated[
        Path | None, typer.Option(help="Folder to keep the networks in.")
    ] = None,
    dtype: Annotated[
        DTypeChoice, typer.Option(help="float32, or the same as the image, rounded.")
    ] = DTypeChoice.FLOAT32,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was interrupted.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what was interrupted.")
    ] = False,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise from an image, by what its measured noise allows; or refuse."""
    from napari_sciml.workflows.restoring.files import restore_file

    with stage("Restoring") as report:
        summary = restore_file(
            image,
            out,
            config,
            second=second,
            clean=clean,
            model=model,
            model_out=model_out,
            dtype=dtype.value,
            threads=threads,
            resume=resume,
            restart=restart,
            overwrite=overwrite,
            say=say,
            report=report,
        )
    print_summary(summary, as_json)
