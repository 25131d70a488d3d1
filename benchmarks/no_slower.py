"""Is a command slower than in another checkout? Paired times on the same good input.

    git worktree add /tmp/reference COMMIT
    python benchmarks/no_slower.py /tmp/reference [--rounds 5]

Each round runs each command once in either checkout, in changing order; the table has
the median over the rounds of the ratio of the CPU seconds, here to there.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from kill_cases import CASES

HERE = Path(__file__).resolve().parents[1]
RUN = """
import sys
from kill_cases import CASES
getattr(CASES[sys.argv[1]], sys.argv[2])()
"""


def seconds(checkout: Path, name: str, what: str, folder: Path) -> float:
    """CPU seconds of one run in a new process, with the code of a checkout."""
    paths = [str(checkout / "src"), str(HERE / "benchmarks")]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", RUN, name, what],
        cwd=folder,
        env={**surroundings, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(name: str, reference: Path, rounds: int) -> float:
    """Median of here to there."""
    found = []
    for number in range(rounds):
        both = {}
        for checkout in sorted((HERE, reference), reverse=bool(number % 2)):
            with tempfile.TemporaryDirectory() as folder:
                seconds(checkout, name, "prepare", Path(folder))
                both[checkout] = seconds(checkout, name, "start", Path(folder))
        found.append(both[HERE] / both[reference])
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for name in CASES:
        found = ratio(name, given.reference.resolve(), given.rounds)
        print(f"{name:10} {found:.2f}", flush=True)


if __name__ == "__main__":
    main()
