"""Everything that says that no input, kill or full disk costs a user's work.

    python benchmarks/safety.py [--quick] [--count]

Runs, one after the other, the table of outputs and disks, the tests of hostile and
damaged files, the kills, and the fuzzer; a line for each, and 1 in
the end where one has failed. ``--quick`` kills 12 times instead of 100,
and mutates for a minute instead of ten. ``--count``
runs nothing and tells how many cases there are.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TESTS = {
    "outputs and disks": (
        "tests/test_output_table.py",
        "tests/io/results/test_outputs.py",
    ),
    "damaged files": (
        "tests/io/fuzz/test_files_fuzzed.py",
        "tests/images/test_checks.py",
    ),
    "results and projects": (
        *("tests/io/test_atomic.py", "tests/project/test_journal.py"),
        *(
            "tests/project/test_autosave.py",
            "tests/workflows/prediction/test_whole_image.py",
        ),
    ),
}
ATTACKS = ("test_json_files", "test_*attack*", "test_*hostile*")
"""Tests of hostile inputs, wherever they are; those that are there are run."""
FUZZER = "tests/fuzz/fuzz.py"
"""Mutates each kind of file, by default for some minutes."""


def commands(quick: bool) -> dict[str, list[str]]:
    """Command lines by what they show."""
    python = sys.executable
    paths = {name: [*given] for name, given in TESTS.items()}
    attacks = there(*(f"tests/**/{name}.py" for name in ATTACKS))
    if attacks:
        paths["attacks"] = attacks
    found = {
        name: [python, "-m", "pytest", "-q", "-W", "ignore", *given]
        for name, given in paths.items()
    }
    kills = "12" if quick else "100"
    found["kills"] = [python, "benchmarks/kills.py", "--kills", kills]
    return found | {"fuzzer": [python, FUZZER, "--minutes", "1" if quick else "10"]}


def there(*patterns: str) -> list[str]:
    """Files of the checkout that fit."""
    paths = {path for pattern in patterns for path in TOP.glob(pattern)}
    return sorted(str(path.relative_to(TOP)) for path in paths)


def count(words: list[str]) -> str:
    """How many tests a command line of pytest has."""
    if "pytest" not in words:
        return " ".join(words[1:])
    done = subprocess.run(
        [*words, "--collect-only"], cwd=TOP, capture_output=True, text=True, check=False
    )
    return done.stdout.strip().splitlines()[-1].split(" collected")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--count", action="store_true")
    given = parser.parse_args()
    failed = []
    for name, words in commands(given.quick).items():
        if given.count:
            print(f"{name:22} {count(words)}", flush=True)
            continue
        begun = time.monotonic()
        code = subprocess.run(words, cwd=TOP, check=False).returncode
        print(f"{name}: exit code {code}, {time.monotonic() - begun:.0f} s", flush=True)
        failed += [name] if code else []
    if given.count:
        return
    print(f"failed: {', '.join(failed)}" if failed else "nothing failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
