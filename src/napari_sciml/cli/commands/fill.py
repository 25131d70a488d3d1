"""The command fill."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.cli.batch import end_batch, tell_file
from napari_sciml.cli.configured import takes
from napari_sciml.cli.options import (
    AsJson,
    Overwrite,
    ResumeMany,
    Threads,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig

FILL = FillConfig()


@takes(
    FillConfig,
    *("method", "network", "members", "seconds", "steps", "symmetry", "seed"),
)
def fill(
    images: Annotated[
        list[Path],
        typer.Argument(help="Scattering images or stacks: files, folders, patterns."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    mask: Annotated[
        str, typer.Option(help="File that is not 0 in the gaps; auto = find them.")
    ] = "auto",
    config: FillConfig = FILL,
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder of an earlier fill, instead of new networks."),
    ] = None,
    center: Annotated[
        str, typer.Option(help="Of the pattern, y,x in pixels; auto = find it.")
    ] = "auto",
    beamstop: Annotated[
        str, typer.Option(help="auto = find its shadow, none, or a mask file.")
    ] = "auto",
    second: Annotated[
        Path | None,
        typer.Option(help="Another exposure of the same: tells the best possible CC."),
    ] = None,
    resume: ResumeMany = False,
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Fill the gaps of detectors in scattering images, with an uncertainty."""
    from napari_sciml.workflows.batch.fillings import fill_files, is_for_one
    from napari_sciml.workflows.filling.files import fill_file

    shared: dict[str, Any] = {
        "mask": None if mask == "auto" else Path(mask),
        "center": _center(center),
        "beamstop": beamstop if beamstop in ("auto", "none") else Path(beamstop),
        "model": model,
        "threads": threads,
    }
    with stage("Filling") as report:
        if is_for_one(images, out, say):
            summary = fill_file(
                images[0], out, config=config, second=second, overwrite=overwrite,
                report=report, say=say, **shared,
            )  # fmt: skip
            print_summary(summary, as_json)
            return
        if second is not None:
            raise InputError("Give a second exposure to a single image only.")
        found = fill_files(
            images, out, config=config, resume=resume, overwrite=overwrite, say=say,
            report=report, each=tell_file, **shared,
        )  # fmt: skip
    end_batch(found, as_json)


def _center(text: str) -> tuple[float, float] | None:
    if text == "auto":
        return None
    try:
        y, x = (float(part) for part in text.split(","))
        if not max(abs(y), abs(x)) <= MAX_VALUE:
            raise ValueError("NaN, infinite, or beyond single precision")
    except ValueError as error:
        raise InputError(
            "Give the center as y,x in pixels, such as 530.5,302, or auto."
        ) from error
    return y, x
