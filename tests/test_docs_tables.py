"""The tables of docs/files.md are those that the tests prove."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_tables_of_files_are_made_from_the_tests() -> None:
    command = [sys.executable, "docs/make_files_table.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
