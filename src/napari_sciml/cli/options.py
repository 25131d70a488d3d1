"""Options that several commands have."""

import math
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from napari_sciml.annotation.classes import class_names
from napari_sciml.bounds import MAX_THREADS
from napari_sciml.io.images.label_map import read_label_map

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=MAX_THREADS, help="CPU threads; all cores.")
]
MAX_EDGE = 65536
"""Voxels of a block or tile: no machine holds a cube of more."""
Scheduler = Annotated[
    str | None,
    typer.Option(help="Dask scheduler: address, scheduler file, or 'local'."),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what another program or command wrote there."
    ),
]
ResumeMany = Annotated[
    bool,
    typer.Option("--resume", help="Of several files, leave out those that are done."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def reading_of_labels(
    classes: str | None, ignore: list[int] | None, mapping: list[str] | None
) -> dict[str, Any]:
    """How files of labels are to be read, as the options say.

    Raises
    ------
    InputError
        When the names or the map make no sense.
    """
    return {
        "class_names": class_names(classes or "") or None,
        "ignore": ignore or (),
        "mapping": read_label_map(mapping) if mapping else None,
    }


def finite(number: float | None) -> float | None:
    """Refuse NaN and infinity, which slip through the bounds of an option."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is not a number that can be used.")
    return number


def describe(model: type[BaseModel], field: str) -> str:
    """Help of an option that is a field of a configuration."""
    return model.model_fields[field].description or ""
