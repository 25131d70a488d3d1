"""The command restore."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_sciml.bounds import MAX_SECONDS, MAX_SEED
from napari_sciml.cli.options import (
    AsJson,
    Device,
    Overwrite,
    Threads,
    describe,
    finite,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.restoration.config import RestoreConfig

RESTORE = RestoreConfig()


class MethodChoice(StrEnum):
    """How to restore."""

    AUTO = "auto"
    PIXEL = "pixel"
    SLICE = "slice"
    PAIRS = "pairs"
    SUPERVISED = "supervised"
    TV = "tv"
    NLM = "nlm"
    GAUSSIAN = "gaussian"


class AxisChoice(StrEnum):
    """Across which slices a network looks."""

    AUTO = "auto"
    Z = "z"
    Y = "y"
    X = "x"


class DTypeChoice(StrEnum):
    """Type of the gray values that are written."""

    FLOAT32 = "float32"
    SAME = "same"


def _describe(field: str) -> str:
    return describe(RestoreConfig, field)


def restore(
    image: Annotated[Path, typer.Argument(help="Image or volume, gray.")],
    out: Annotated[Path, typer.Option(help="Image to write: .tif or .zarr.")],
    method: Annotated[
        MethodChoice, typer.Option(help=_describe("method"))
    ] = MethodChoice.AUTO,
    second: Annotated[
        Path | None, typer.Option(help="Second scan of the same, to learn from.")
    ] = None,
    clean: Annotated[
        Path | None, typer.Option(help="Clean images of the same, to learn from.")
    ] = None,
    axis: Annotated[AxisChoice, typer.Option(help=_describe("axis"))] = AxisChoice.AUTO,
    seconds: Annotated[
        float,
        typer.Option(
            min=1, max=MAX_SECONDS, callback=finite, help=_describe("seconds")
        ),
    ] = RESTORE.seconds,
    steps: Annotated[
        int | None, typer.Option(min=1, max=10**7, help=_describe("steps"))
    ] = None,
    members: Annotated[
        int, typer.Option(min=1, max=20, help=_describe("members"))
    ] = RESTORE.members,
    strength: Annotated[
        float | None,
        typer.Option(min=0.01, max=100, help=_describe("strength")),
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
    seed: Annotated[
        int, typer.Option(min=0, max=min(MAX_SEED, 2**31), help=_describe("seed"))
    ] = RESTORE.seed,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was interrupted.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what was interrupted.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise from an image, by what its measured noise allows; or refuse."""
    from napari_sciml.workflows.restoring.files import restore_file

    config = RestoreConfig.model_validate(
        {
            "method": method.value,
            "axis": axis.value,
            "seconds": seconds,
            "steps": steps,
            "members": members,
            "strength": strength,
            "seed": seed,
            "device": device,
        }
    )
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
