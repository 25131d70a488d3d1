"""What a training gains by an earlier model, and whether its verdict is right.

    python benchmarks/start.py [--pairs polymer-glass,...] [--strokes 6,24] [--seeds 5]
        [--steps 20,60] [--threads 1] [--out start.jsonl] [DATA_FOLDER]

For each pair of images (learned on, used on) a model is trained on the first one with
60 strokes. On the second one, a few strokes later: Dice, at the best threshold and at
the cut of the ensemble, of that model as it is, of a training from scratch, and of one
that starts from the model. The verdict is right if it keeps the better of the last two.

Pairs in `TUNED_ON` were looked at while constants were chosen; all others report.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from race_annotators import ANNOTATORS
from race_cases import Case, loaders

from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.live_session import LiveSession

TUNED_ON = ("concrete-10", "concrete-11"), ("foam-10", "foam-11")
PAIRS = (
    *TUNED_ON,
    ("polymer/0", "polymer/1"),
    ("glass/0", "glass/1"),
    ("sfrp/0", "sfrp/1"),
    ("retina-03R", "retina-06L"),
    ("neurons-26", "neurons-59"),
    ("composite-10", "composite-11"),
    ("polymer/0", "glass/1"),
    ("sfrp/0", "polymer/1"),
    ("retina-03R", "neurons-59"),
    ("composite-11", "concrete-11"),
)
LEARNED, ROUNDS = 60, 60
TIE = 0.02
"""Dice by which either verdict is right."""


def part(data: Path, name: str) -> Case:
    """A case, or one half of it along y: two scans of one scanner."""
    whole, _, half = name.partition("/")
    case = loaders(data)[whole]()
    if not half:
        return case
    middle = case.image.shape[1] // 2
    cut = (slice(None), slice(None, middle) if half == "0" else slice(middle, None))
    return Case(name, case.image[cut], case.truth[cut], case.known[cut])


def session(case: Case, seed: int, threads: int, start: Path | None) -> LiveSession:
    """A live training on a case; of a picture, in 2D."""
    image = case.image[0] if case.flat else case.image
    return LiveSession(
        image, seed=seed, threads=threads, config=TrainingConfig(), start=start
    )


def dice(case: Case, running: LiveSession) -> tuple[float, float]:
    """At the best threshold, and at the cut of the ensemble."""
    mean = running.predict().mean[1].reshape(case.truth.shape)[case.known]
    truth = case.truth[case.known]
    found = [_dice(mean > at, truth) for at in (*np.linspace(0.05, 0.95, 19), 0.5)]
    return max(found[:-1]), found[-1]


def _dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def painted(case: Case, seed: int, strokes: int) -> np.ndarray:
    """Strokes of somebody who corrects nothing."""
    person = ANNOTATORS["sampler"](case, seed)
    person.start(strokes)
    return person.labels[0] if case.flat else person.labels


def run(
    data: Path, pair: tuple[str, str], args: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """Rows of one pair."""
    old, new = (part(data, name) for name in pair)
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        first = session(old, 100, args.threads, None)
        first.update(painted(old, 100, LEARNED))
        first.advance(ROUNDS * first.config.members)
        first.save(model)
        for seed in range(args.seeds):
            for strokes in args.strokes:
                yield from compare(new, model, strokes, seed, args)


def compare(
    case: Case, model: Path, strokes: int, seed: int, args: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """Without, and with the model."""
    labels = painted(case, seed, strokes)
    scratch = session(case, seed, args.threads, None)
    started = session(case, seed, args.threads, model)
    zero = dice(case, started)
    done = 0
    for running in (scratch, started):
        running.update(labels)
    for steps in args.steps:
        for running in (scratch, started):
            running.advance((steps - done) * running.config.members)
        done = steps
        yield {
            "strokes": strokes,
            "seed": seed,
            "steps": steps,
            "zero": zero,
            "scratch": dice(case, scratch),
            "started": dice(case, started),
            "fits": " fits" in started.verdict,
        }


def main() -> None:
    """Run all pairs and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default="../shared/data", type=Path)
    parser.add_argument("--pairs", default="")
    parser.add_argument("--strokes", default="6,24")
    parser.add_argument("--steps", default="20,60")
    parser.add_argument("--seeds", default=5, type=int)
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--out", default="start.jsonl", type=Path)
    args = parser.parse_args()
    args.strokes = [int(n) for n in args.strokes.split(",")]
    args.steps = [int(n) for n in args.steps.split(",")]
    wanted = [tuple(p.split("-to-")) for p in args.pairs.split(",") if p] or PAIRS
    print("learned → used, strokes, steps: zero, scratch, started (own cut); fits")
    with args.out.open("a") as file:
        for pair in wanted:
            for row in run(args.data, pair, args):
                file.write(json.dumps({"pair": pair, **row}) + "\n")
                file.flush()
                cells = [
                    f"{row[name][0]:.3f} ({row[name][1]:.3f})"
                    for name in ("zero", "scratch", "started")
                ]
                where = f"{pair[0]} → {pair[1]}, {row['strokes']}, {row['steps']}"
                print(f"{where}: {', '.join(cells)}; {row['fits']}", flush=True)


if __name__ == "__main__":
    main()
