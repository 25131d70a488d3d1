"""The command line: the commands in their order, and how they end."""

import logging
import signal
import sys
from typing import Any, NoReturn

import typer

from napari_sciml.cli.commands.classify import classify
from napari_sciml.cli.commands.draw import draw
from napari_sciml.cli.commands.explain import explain
from napari_sciml.cli.commands.explore import explore
from napari_sciml.cli.commands.fibers import fibers
from napari_sciml.cli.commands.fill import fill
from napari_sciml.cli.commands.focus import focus
from napari_sciml.cli.commands.learn import demo, replay, train
from napari_sciml.cli.commands.predict import predict, threshold
from napari_sciml.cli.commands.restore import restore
from napari_sciml.cli.commands.validate import check, validate
from napari_sciml.cli.options import AsJson
from napari_sciml.cli.terminal import accept_any_text, print_summary, say
from napari_sciml.escape import for_terminal
from napari_sciml.io.failures import input_sentence
from napari_sciml.notices import heard_by

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Scribbles to fiber lengths: train, predict, threshold, measure.",
)


def info(as_json: AsJson = False) -> None:
    """Tell versions, device, threads and memory, and what is missing."""
    from napari_sciml.cli.missing import missing
    from napari_sciml.io.machine import machine

    print_summary({**machine(), "missing": missing()}, as_json)


for command in (
    demo,
    train,
    check,
    predict,
    threshold,
    fibers,
    focus,
    explore,
    fill,
    restore,
    validate,
    explain,
    classify,
    draw,
    replay,
    info,
):
    app.command()(command)


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
            app()
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
