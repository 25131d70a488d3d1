"""Run the real command in this process."""

import signal
import sys
from dataclasses import dataclass

import pytest

from napari_sciml.cli import app as cli


@dataclass(frozen=True)
class Ended:
    """How a command ended, and the lines that it wrote."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        """What it says is wrong, without progress and usage."""
        lines = self.err.splitlines()
        return [line for line in lines if "rror: " in line]


def exit_code(*arguments: str) -> int:
    """Run ``napari-sciml`` with arguments; any exception but SystemExit passes."""
    before, handler = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = ["napari-sciml", *arguments]
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
        signal.signal(signal.SIGTERM, handler)
    return 0


def run_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run it, and take down what it writes; see `exit_code`."""
    capsys.readouterr()
    code = exit_code(*arguments)
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)
