"""Options that several commands have."""

from typing import Annotated

import typer
from pydantic import BaseModel

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores.")]
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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def describe(model: type[BaseModel], field: str) -> str:
    """Help of an option that is a field of a configuration."""
    return model.model_fields[field].description or ""
