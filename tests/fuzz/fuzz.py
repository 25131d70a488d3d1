"""Spoil files of every kind that the program reads, and see how its commands end.

One command::

    python tests/fuzz/fuzz.py --cases 1000 --seed 0 --minutes 10

Each case runs in a process of its own, forked from one that has imported everything,
with a gigabyte of memory and 60 seconds. It passes when the command works, or ends with
the exit code 2 and one sentence; no traceback, no signal, no timeout. A case is told by
its number: ``--only 17`` does it again and keeps its files.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from mutations import spoil  # noqa: E402
from sound_files import KINDS, Kind  # noqa: E402

SECONDS, MEMORY = 60, 2**30
ERROR = re.compile(r"^error: .*[.!?]$")


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes
    ----------
    number, command, change
        Of the case: what was run, and what was spoiled.
    problem
        Empty if it passed.
    said
        On standard output and error.
    seconds
        That it took.
    code
        Exit code; negative for a signal.
    """

    number: int
    command: str
    change: str
    problem: str
    said: str
    seconds: float
    code: int


def import_all() -> None:
    """Load what the commands load, so that a forked process has it at once."""
    import h5py  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401
    import skimage.io  # noqa: F401
    import sklearn.neural_network  # noqa: F401
    import tifffile  # noqa: F401
    import torch
    import zarr  # noqa: F401

    import napari_sciml.cluster.prediction
    import napari_sciml.cluster.training
    import napari_sciml.fibers.report.page
    import napari_sciml.focus.rating.measures
    import napari_sciml.prediction.blockwise
    import napari_sciml.project.replay
    import napari_sciml.training.live  # noqa: F401
    from napari_sciml.cli.app import command_line

    command_line()
    torch.set_num_threads(1)


def cases(
    folder: Path, *, seed: int, first: int = 0, kind: str | None = None
) -> Iterator[Outcome]:
    """Spoil and run for ever, from the first number on.

    Parameters
    ----------
    folder
        Works there, always at the same place, as plans hold absolute paths.
    seed
        With the number, decides all of a case.
    kind
        Name of the only kind of input to spoil.
    """
    case, sound = folder / "case", folder / "sound"
    if not sound.exists():
        case.mkdir(parents=True)
        script = [sys.executable, str(HERE / "sound_files.py"), str(case)]
        subprocess.run(script, check=True, capture_output=True)
        case.rename(sound)
    chosen = [one for one in KINDS if kind in (None, one.name)]
    number = first
    while True:
        rng = random.Random(f"{seed}/{number}")
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(sound, case)
        change = _spoiled(case, rng.choice(chosen), rng)
        yield _run(case, number, *change)
        number += 1


def _spoiled(case: Path, kind: Kind, rng: random.Random) -> tuple[str, str]:
    """The command, and what was done to its input."""
    found = {path for one in kind.files for path in case.glob(one) if path.is_file()}
    paths = sorted(found)
    told = [spoil(rng.choice(paths), rng)]
    if rng.random() < 0.15:
        again = [path for path in paths if path.is_file() and not path.is_symlink()]
        again = [path for path in again if path.stat().st_size < 10**9]
        told += [spoil(rng.choice(again), rng)] if again else []
    return rng.choice(kind.commands), f"{kind.name}, {' and '.join(told)}"


def _run(case: Path, number: int, command: str, change: str) -> Outcome:
    log = case.with_name("log.txt")
    started = time.monotonic()
    child = os.fork()
    if not child:
        _be_the_command(case, command, log)
    code = _wait(child, started + SECONDS)
    seconds = time.monotonic() - started
    said = log.read_text("utf-8", errors="replace")
    problem = _problem(code, said)
    return Outcome(number, command, change, problem, said, seconds, code)


def _be_the_command(case: Path, command: str, log: Path) -> None:
    """In the forked process: never returns."""
    code = 1
    try:
        os.setsid()
        os.chdir(case)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        _limit()
        code = _command(command)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _limit() -> None:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmData:\s*(\d+) kB", status)
    used = 1024 * int(found.group(1)) if found else 2**32
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY, MEMORY))


def _command(command: str) -> int:
    words = command.split()
    if words[0] == "open":
        return _open_project(Path(words[1]))
    from napari_sciml.cli import app as cli

    sys.argv = ["napari-sciml", *words]
    cli.main()
    return 0


def _open_project(folder: Path) -> int:
    """Read a project as the viewer does, without one."""
    from napari_sciml.errors import InputError
    from napari_sciml.project.folder import Project
    from napari_sciml.workflows.projects import read_project

    try:
        for _ in read_project(folder):
            pass
        project = Project.open(folder)
        project.lock()
        for kept in project.models.entries():
            project.load_model(kept.number)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _wait(child: int, end: float) -> int:
    """Exit code; -9 for what took too long."""
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _problem(code: int, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if code == -signal.SIGKILL:
        return "timeout"
    if code < 0:
        return f"signal {-code}"
    if "Traceback" in said or code not in (0, 2):
        return next((line for line in reversed(lines)), f"exit {code}")[:200]
    if "Warning: " in said:
        return next(line for line in lines if "Warning: " in line)[:200]
    errors = [line for line in lines if line.startswith("error:")]
    sound = len(errors) == 1 and lines[-1:] == errors and ERROR.match(errors[0])
    if code == 2 and not sound:
        return "no one sentence: " + " | ".join(lines[-2:])[:200]
    if max(map(len, errors), default=0) > 1500:
        return "a sentence of more than 1500 letters"
    return ""


def where(outcome: Outcome) -> str:
    """The kind of a problem: its error, and the last place of ours on the way to it."""
    places = re.findall(r'napari_sciml/([\w/]+\.py)", line (\d+)', outcome.said)
    place = ":".join(places[-1]) if places else outcome.command.split()[0]
    return f"{place} {re.sub('[0-9]+', '#', outcome.problem)[:90]}"


def main() -> int:
    """Run cases, print those that fail, and count their kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS])
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="one case again; its files are kept")
    parser.add_argument("--folder", type=Path, help="to work in; kept")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="fuzz-"))
    only = given.only is not None
    first, count = (given.only, 1) if only else (given.first, given.cases)
    import_all()
    end = time.monotonic() + 60 * given.minutes
    codes, problems, seconds = Counter[int](), Counter[str](), list[float]()
    for outcome in cases(folder, seed=given.seed, first=first, kind=given.kind):
        codes[outcome.code] += 1
        seconds.append(outcome.seconds)
        if outcome.problem or only:
            problems[where(outcome)] += bool(outcome.problem)
            print(f"{outcome.number}: {outcome.command} [{outcome.change}]")
            print(f"    {where(outcome)}", flush=True)
        if only:
            print(outcome.said)
        if len(seconds) >= count or time.monotonic() > end:
            break
    print(f"{len(seconds)} cases, exit codes {dict(codes)}")
    print(f"{sum(seconds) / len(seconds):.2f} s a case, at most {max(seconds):.1f} s")
    for kind, times in problems.most_common():
        print(f"{times:5} {kind}")
    if not only and not given.folder:
        shutil.rmtree(folder)
    else:
        print(f"files: {folder}")
    return int(bool(+problems))


if __name__ == "__main__":
    sys.exit(main())
