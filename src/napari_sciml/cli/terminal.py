"""What a command shows in a terminal: progress, and its summary."""

import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from napari_sciml.errors import InputError, system_reason
from napari_sciml.escape import for_terminal
from napari_sciml.io.provenance import jsonable

SENTENCES = {"missing": "missing", "cautions": "caution", "errors": "error"}
"""Lists in a summary of which each sentence has a line, and what stands before it."""


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
        TextColumn("{task.fields[note]}", markup=False),  # holds names of classes
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=1.0, note="")

    def report(fraction: float, note: str) -> None:
        bar.start()  # not before the input was looked at: an error has its own line
        bar.update(task, completed=fraction, note=for_terminal(note))

    try:
        yield report
        report(1.0, "")
    finally:
        bar.stop()


def say(sentence: str) -> None:
    """Tell something before the work starts, on standard error."""
    typer.echo(for_terminal(sentence), err=True)


def print_summary(summary: dict[str, Any], as_json: bool) -> None:
    """Print what a command has found, for a person or as one JSON object."""
    if as_json:
        lines = [json.dumps(jsonable(summary), allow_nan=False)]
    else:
        lines = [for_terminal(line) for line in _lines(summary)]
    try:
        typer.echo("\n".join(lines))
    except OSError as error:
        _give_up(error)


def _give_up(error: OSError) -> NoReturn:
    """End where the summary cannot be printed; all files are written by then."""
    # Else the interpreter would try once more to print, when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.errno == errno.EPIPE:  # who read it has seen enough
        sys.exit(128 + 13)
    raise InputError(
        f"The summary cannot be printed ({system_reason(error)}), but all files are "
        "written; print it to another place."
    ) from error


def _lines(summary: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in summary.items():
        if key in SENTENCES:
            yield from (f"{indent}{SENTENCES[key]}: {sentence}" for sentence in value)
            continue
        title = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict):
            yield title
            yield from _lines(value, indent + "  ")
        elif isinstance(value, float):
            yield f"{title} {value:.4g}"
        elif value is not None:
            yield f"{title} {value}"
