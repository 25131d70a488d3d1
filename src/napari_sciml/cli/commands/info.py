"""The command that tells where it runs."""

from napari_sciml.cli.options import AsJson
from napari_sciml.cli.terminal import print_summary


def info(as_json: AsJson = False) -> None:
    """Tell versions, device, threads and memory, and what is missing."""
    from napari_sciml.cli.missing import missing
    from napari_sciml.io.machine import machine

    print_summary({**machine(), "missing": missing()}, as_json)
