"""What `kill -9` at any moment costs: nothing, and nothing is left lying about.

    python benchmarks/kills.py [--kills 100] [--seed 0] [--only train,predict]

Kills train, predict, threshold, fibers, focus and a live session with a project, at
random moments, often more than once, and often over an older result. Whatever the
moment, what stands under the name of the result is the older one or the new one, whole.
Then it is started again as a user would, and compared with a run that was left alone:
files that two such runs write alike byte by byte have to be the same bytes. Hidden or
unfinished files that are left after that are faults. Ends with 1 where there is one.

Every run is a fork of one process that has imported everything, so that the moments
fall into the work and not into the import of libraries.
"""

import argparse
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kill_cases import CASES, Case, preload

PATIENCE = 600.0
"""Seconds after which a run counts as hanging."""


def forked(work: Callable[[], None], folder: Path) -> int:
    """Start work in a process of its own, in a folder; its number."""
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        os.chdir(folder)
        log = os.open(folder.with_name("log.txt"), os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        work()
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    folder.with_name("modules.txt").write_text("\n".join(sys.modules))
    os._exit(code)


def import_all(names: str) -> None:
    """Import what a run has imported, so that the next one need not."""
    for name in names.splitlines():
        if not name.startswith("__"):
            with suppress(Exception):
                importlib.import_module(name)


def wait_until(number: int, end: float) -> int | None:
    """Exit code of a process (negative: of a signal); None where the time is over."""
    while time.monotonic() < end:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


def run_to_end(work: Callable[[], None], folder: Path) -> str:
    """Run and wait; what went wrong in words."""
    number = forked(work, folder)
    code = wait_until(number, time.monotonic() + PATIENCE)
    if code is None:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        return "hangs"
    last = folder.with_name("log.txt").read_text("utf-8", "replace").strip()
    return "" if code == 0 else f"ends with {code}: {last[-300:]}"


def killed(work: Callable[[], None], folder: Path, seconds: float) -> bool:
    """Run and kill it; whether it was still at work."""
    number = forked(work, folder)
    if wait_until(number, time.monotonic() + seconds) is not None:
        return False
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return True


def files_of(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Contents of results by path; those that are not there are left out."""
    paths = [folder / name for name in names]
    inside = [p for path in paths if path.is_dir() for p in path.rglob("*")]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted([*paths, *inside])
        if path.is_file()
    }


class Undisturbed:
    """Runs that were left alone, to compare with."""

    def __init__(self, case: Case, top: Path) -> None:
        self.case, self.given = case, top / "given"
        self.given.mkdir(parents=True)
        self._demand(case.prepare, self.given)
        shutil.copytree(self.given, top / "older")
        self._demand(case.older, top / "older")
        self.older = files_of(top / "older", case.results)
        runs, took = [], []
        for name in ("first", "second"):
            shutil.copytree(self.given, top / name)
            begun = time.monotonic()
            self._demand(case.start, top / name)
            took.append(time.monotonic() - begun)
            runs.append(files_of(top / name, case.results))
            import_all((top / "modules.txt").read_text())
        self.names = set(os.listdir(top / "first"))
        self.seconds, self.files = min(took), set(runs[0])
        self.same = {p: c for p, c in runs[0].items() if runs[1].get(p) == c}
        self.old_folder = top / "older"

    def _demand(self, work: Callable[[], None], folder: Path) -> None:
        if fault := run_to_end(work, folder):
            raise SystemExit(f"{self.case.name}, undisturbed, {fault}")

    def differs(self, folder: Path) -> str:
        """What is wrong with a result; empty where nothing is."""
        found = files_of(folder, self.case.results)
        if missing := self.files ^ set(found):
            return f"other files: {sorted(missing)[:3]}"
        wrong = [path for path, content in self.same.items() if found[path] != content]
        return f"other bytes: {wrong[:3]}" if wrong else ""

    def is_half(self, folder: Path, *, replacing: bool) -> str:
        """Whether neither the older nor the new result stands there, whole."""
        found = files_of(folder, self.case.results)
        if self.case.grows or found == (self.older if replacing else {}):
            return ""
        wrong = self.differs(folder)
        return wrong and f"after the kill neither old nor new stands there: {wrong}"


def attempt(alone: Undisturbed, folder: Path, rng: random.Random) -> tuple[int, str]:
    """Kill a run once or more, start it again; kills, and what went wrong."""
    case = alone.case
    replacing = rng.random() < 0.5
    shutil.copytree(alone.old_folder if replacing else alone.given, folder)
    kills, work = 0, case.start
    while not kills or rng.random() < 0.3:
        if not killed(work, folder, rng.uniform(0, alone.seconds)):
            break
        kills, work = kills + 1, case.again
        if fault := alone.is_half(folder, replacing=replacing):
            return kills, fault
    if fault := run_to_end(case.again, folder):
        return kills, f"started again it {fault}"
    fault = alone.differs(folder) or case.check(folder)
    left = {str(p.relative_to(folder)) for p in folder.rglob("*") if is_left(p)}
    left |= set(os.listdir(folder)) - alone.names
    return kills, fault or (left and f"left over: {sorted(left)[:3]}") or ""


def is_left(path: Path) -> bool:
    """Whether a name is one of those that nothing should have in the end."""
    endings = (".unfinished", ".checkpoint", "lock.json")
    return ".partial" in path.name or path.name.endswith(endings)


def trials(case: Case, kills: int, rng: random.Random, top: Path) -> tuple[int, int]:
    """Kill a command so many times; kills and faults."""
    alone = Undisturbed(case, top / case.name)
    done = faults = number = 0
    while done < kills:
        number += 1
        folder = top / case.name / f"run-{number}" / "work"
        folder.parent.mkdir()
        more, fault = attempt(alone, folder, rng)
        done += more
        if fault:
            faults += 1
            print(f"  {case.name}, run {number}: {fault}", flush=True)
        shutil.rmtree(folder.parent)
    equal = f"{len(alone.same)} of {len(alone.files)}"
    print(
        f"{case.name:10} {done:6} {faults:6}   {equal:>9} files, {alone.seconds:.1f} s",
        flush=True,
    )
    return done, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(CASES))
    given = parser.parse_args()
    names = given.only.split(",")
    preload()
    print("command     kills faults   compared byte by byte, time undisturbed")
    total = [0, 0]
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names):
            share = given.kills * (number + 1) // len(names) - total[0]
            rng = random.Random(f"{given.seed} {name}")
            done, faults = trials(CASES[name], max(1, share), rng, Path(folder))
            total = [total[0] + done, total[1] + faults]
    print(f"{total[0]} kills, {total[1]} faults")
    sys.exit(total[1] > 0)


if __name__ == "__main__":
    main()
