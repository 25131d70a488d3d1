"""What a command shows in a terminal: progress, and its summary."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from napari_sciml.io.provenance import jsonable


def accept_any_text() -> None:
    """Print ``?`` for what the encoding of a terminal has not, instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def stage(title: str) -> Iterator[Any]:
    """Show the progress of a stage on standard error, with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=1.0, note="")

    def report(fraction: float, note: str) -> None:
        bar.start()  # not before the input was looked at: an error has its own line
        bar.update(task, completed=fraction, note=note)

    try:
        yield report
        report(1.0, "")
    finally:
        bar.stop()


def say(sentence: str) -> None:
    """Tell something before the work starts, on standard error."""
    typer.echo(sentence, err=True)


def print_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Print what a command has found, for a person or as one JSON object."""
    if as_json:
        typer.echo(json.dumps(jsonable(summary), allow_nan=False))
        return
    for line in _lines(summary):
        typer.echo(line)


def _lines(summary: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in summary.items():
        if key == "cautions":
            yield from (f"{indent}caution: {sentence}" for sentence in value)
            continue
        title = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict):
            yield title
            yield from _lines(value, indent + "  ")
        elif isinstance(value, float):
            yield f"{title} {value:.4g}"
        elif value is not None:
            yield f"{title} {value}"
