"""Simulated people paint, methods learn, and the truth tells how well: one command.

    python benchmarks/race.py [--cases polymer,retina-*] [--methods ours,trees]
        [--annotators corrector,bold,sampler] [--strokes 40] [--seeds 3]
        [--threads 1] [--out race] [DATA_FOLDER]

Every method runs in its own loop: the person corrects what *it* shows. After two
strokes of each class the method learns, shows one slice, gets one stroke, and so on;
after each fifth stroke its answer for the whole volume is scored. The sampler paints
everything in advance, and the method is scored once. CPU seconds hold the channels,
the training and the pictures that were shown, not the scoring.

Cases in `TUNED_ON` (`race_cases.py`) were looked at while something was chosen; all
others are for reporting. Data that are not there are skipped. What is in
``OUT/race.jsonl`` already is not run again; tables (``race.md``) and pictures are made
of all of it. ``--report`` only makes these.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from race_annotators import ANNOTATORS, Annotator
from race_cases import TUNED_ON, Case, cases
from race_methods import METHODS, Method
from race_report import Row, draw, read, scores, table

ROUNDS, EVERY = 10, 5


def run(
    case: Case, method: str, annotator: str, seed: int, strokes: int, threads: int
) -> Iterator[Row]:
    """Rows of one person with one method."""
    person = ANNOTATORS[annotator](case, seed)
    clock = Clock()
    with clock:
        racer = METHODS[method](case, seed, threads)
    setup = clock.seconds + racer.cpu_elsewhere
    run_of = {"case": case.name, "tuned": case.name in TUNED_ON, "method": method}
    run_of |= {"annotator": annotator, "seed": seed}
    try:
        for answered in _rounds(person, racer, clock, strokes):
            used = clock.seconds + racer.cpu_elsewhere
            row = {"strokes": answered, "cpu": round(used, 2)}
            row |= {"setup_cpu": round(setup, 2)}
            row["painted"] = int((person.labels > 0).sum())
            yield run_of | row | scores(case, racer.volume())
    finally:
        racer.close()


def _rounds(
    person: Annotator, racer: Method, clock: "Clock", strokes: int
) -> Iterator[int]:
    """Paint and learn; yields the number of strokes where scoring is due."""
    person.start(strokes)
    if len(np.unique(person.labels)) < 3:
        raise ValueError("a class has nothing that could be painted")
    if not person.corrects:
        with clock:
            racer.learn(person.labels, ROUNDS * person.strokes)
        yield person.strokes
        return
    idle = 0
    while True:
        before, z = person.strokes, person.next_slice()
        with clock:
            racer.learn(person.labels, ROUNDS)
            shown = racer.slice(z)
        # A turn may end without a stroke: the same number is not scored twice.
        if not idle and (before % EVERY == 0 or before >= strokes):
            yield before
        if before >= strokes:
            return
        person.correct(shown)
        idle = idle + 1 if person.strokes == before else 0
        if idle > 50:
            raise RuntimeError("nothing left to paint")


class Clock:
    """Adds up the CPU seconds of this process that pass inside of it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.process_time() - self._began


def race(given: argparse.Namespace, file: Path) -> None:
    """Run what is not in the file yet, and append it there."""
    keys = ("case", "method", "annotator", "seed")
    done = {tuple(row[key] for key in keys) for row in read(file)}
    for case in cases(given.data, given.cases):
        for seed in range(given.seeds):
            for annotator in given.annotators:
                for method in given.methods:
                    if (case.name, method, annotator, seed) in done:
                        continue
                    numbers = (seed, given.strokes, given.threads)
                    rows = list(run(case, method, annotator, *numbers))
                    with file.open("a") as out:
                        out.writelines(json.dumps(row) + "\n" for row in rows)
                    told = " ".join(f"{r['strokes']}: {r['dice']:.3f}" for r in rows)
                    print(
                        f"{case.name}, {annotator} {seed}, {method}: {told}", flush=True
                    )


def write(out: Path) -> None:
    """Tables and pictures of all that is there."""
    rows = read(out / "race.jsonl")
    (out / "race.md").write_text(table(rows))
    for annotator in {
        row["annotator"] for row in rows if ANNOTATORS[row["annotator"]].corrects
    }:
        draw(rows, annotator).savefig(out / f"race_{annotator}.png", dpi=110)


def _names(known: dict) -> object:
    """A parser of names with commas between them."""

    def parse(text: str) -> list[str]:
        wrong = [name for name in text.split(",") if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(
                f"{', '.join(wrong)}: known are {', '.join(known)}"
            )
        return text.split(",")

    return parse


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", nargs="?", type=Path, default=Path("../shared/data"))
    add("--cases", type=lambda text: text.split(","), default=["*"])
    add("--methods", type=_names(METHODS), default=["ours", "trees", "rf"])
    add("--annotators", type=_names(ANNOTATORS), default=list(ANNOTATORS))
    add("--strokes", type=int, default=40)
    add("--seeds", type=int, default=3)
    add("--threads", type=int, default=1)
    add("--out", type=Path, default=Path("race"))
    add("--report", action="store_true", help="only tables and pictures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if not given.report:
        race(given, given.out / "race.jsonl")
    write(given.out)
    print((given.out / "race.md").read_text())


if __name__ == "__main__":
    main()
