"""The command line: the commands in their order, and how they end."""

import logging
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import typer

from napari_sciml.cli.terminal import accept_any_text, say
from napari_sciml.escape import for_terminal
from napari_sciml.io.failures import input_sentence
from napari_sciml.notices import heard_by

COMMANDS = {
    "demo": "learn",
    "train": "learn",
    "check": "validate",
    "predict": "predict",
    "threshold": "predict",
    "fibers": "fibers",
    "focus": "focus",
    "explore": "explore",
    "fill": "fill",
    "restore": "restore",
    "validate": "validate",
    "explain": "explain",
    "classify": "classify",
    "draw": "draw",
    "replay": "learn",
    "info": "info",
}
"""The module of each command, in the order of the help."""


def command_line(wanted: str | None = None) -> typer.Typer:
    """Put the commands together.

    Parameters
    ----------
    wanted
        The one that will run: only its module is imported. Where it is none of them,
        or is not known, all are there, for the help.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_whole)  # or a single command would be taken for the program
    for name in [wanted] if wanted in COMMANDS else COMMANDS:
        module = import_module(f"napari_sciml.cli.commands.{COMMANDS[name]}")
        app.command(name)(getattr(module, name))
    return app


def _whole() -> None:
    """Scribbles to fiber lengths: train, predict, threshold, measure."""


def main() -> None:
    """Run a command; bad input ends with one line and the exit code 2.

    SIGTERM ends it with 143, Ctrl-C with 130.
    """
    signal.signal(signal.SIGTERM, _end)
    accept_any_text()
    # What zarr had still to read when an error ends the program is no concern.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        with heard_by(say):
            command_line(next(iter(sys.argv[1:]), None))()
    except Exception as error:
        sentence = input_sentence(error)
        if sentence is None:
            raise
        _refuse(sentence)


def _refuse(sentence: str) -> NoReturn:
    typer.echo(f"error: {for_terminal(sentence)}", err=True)
    sys.exit(2)


def _end(number: int, _: Any) -> NoReturn:
    """Leave as on Ctrl-C, everything cleaned up, with the code schedulers expect."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
