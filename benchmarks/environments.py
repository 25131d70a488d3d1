"""Virtual environments of programs that the benchmarks compare with."""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def python_with(name: str, *installs: Sequence[str]) -> str:
    """Python of an environment of its own, which is made when missing.

    Parameters
    ----------
    name
        Of the program: the environment is ``.venv-NAME`` beside this file.
    installs
        What pip is given, call by call.
    """
    home = HERE / f".venv-{name}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"Making {home} ...", file=sys.stderr)
        venv.create(home, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        for given in installs:
            subprocess.run([*pip, *given], check=True)
    return str(python)
