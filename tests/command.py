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


def run_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run ``napari-sciml`` with arguments; any exception but SystemExit passes."""
    before, handler = sys.argv, signal.getsignal(signal.SIGTERM)
    sys.argv = ["napari-sciml", *arguments]
    capsys.readouterr()
    code = 0
    try:
        cli.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before
        signal.signal(signal.SIGTERM, handler)
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)
