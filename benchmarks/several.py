"""What strokes on a second image are worth: Dice on both, and on a third one.

    python benchmarks/several.py [--cases polymer,glass,...] [--strokes 12] [--seeds 3]
        [--steps 20] [--threads 1] [--out several.jsonl] [DATA_FOLDER]

Each volume or picture is cut into thirds along y: scans of one scanner. Trees and
networks learn from strokes on the first third, on the second one, and on both; Dice is
that of the ensemble's own cut, and of the best threshold.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from race_annotators import ANNOTATORS
from race_cases import Case, loaders

from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.live_session import LiveSession

CASES = "polymer,glass,sfrp,retina-03R,retina-06L,concrete-11,composite-11"


def thirds(case: Case) -> list[Case]:
    """Three scans of one scanner."""
    cuts = np.linspace(0, case.image.shape[1], 4).astype(int)
    parts = [(slice(None), slice(a, b)) for a, b in pairwise(cuts)]
    return [
        Case(f"{case.name}/{n}", case.image[p], case.truth[p], case.known[p])
        for n, p in enumerate(parts)
    ]


def pixels(case: Case) -> np.ndarray:
    """The image; a picture in 2D."""
    return case.image[0] if case.flat else case.image


def painted(case: Case, seed: int, strokes: int) -> np.ndarray:
    """Strokes of somebody who corrects nothing."""
    person = ANNOTATORS["sampler"](case, seed)
    person.start(strokes)
    return person.labels[0] if case.flat else person.labels


def dice(case: Case, mean: np.ndarray) -> tuple[float, float]:
    """At the cut of the ensemble, and at the best threshold."""
    shown, truth = mean.reshape(case.truth.shape)[case.known], case.truth[case.known]
    found = [_dice(shown > at, truth) for at in (0.5, *np.linspace(0.05, 0.95, 19))]
    return found[0], max(found)


def _dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def run(case: Case, seed: int, args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Rows of one case and one set of strokes."""
    parts = thirds(case)
    labels = [painted(part, seed, args.strokes) for part in parts[:2]]
    for name, used in (("first", [0]), ("second", [1]), ("both", [0, 1])):
        unused = [n for n in range(3) if n not in used]
        session = LiveSession(
            [pixels(parts[n]) for n in (*used, *unused)],
            seed=seed,
            threads=args.threads,
            config=TrainingConfig(),
        )
        blank = [np.zeros_like(pixels(parts[n]), np.uint8) for n in unused]
        session.update([*(labels[n] for n in used), *blank])
        session.advance(args.steps * session.config.members)
        order = [*used, *unused]
        yield {"case": case.name, "seed": seed, "learned": name} | {
            f"on {n}": dice(parts[n], session.predict(number=order.index(n)).mean[1])
            for n in range(3)
        }


def main() -> None:
    """Run all cases and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default="../shared/data", type=Path)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--strokes", default=12, type=int)
    parser.add_argument("--steps", default=20, type=int)
    parser.add_argument("--seeds", default=3, type=int)
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--out", default="several.jsonl", type=Path)
    args = parser.parse_args()
    print("case, seed, learned from: Dice at the own cut (best) on thirds 0, 1, 2")
    known = loaders(args.data)
    with args.out.open("a") as file:
        for name in args.cases.split(","):
            case = known[name]()
            for seed in range(args.seeds):
                for row in run(case, seed, args):
                    file.write(json.dumps(row) + "\n")
                    cells = [
                        "{:.3f} ({:.3f})".format(*row[f"on {n}"]) for n in range(3)
                    ]
                    told = f"{name}, {seed}, {row['learned']}: {', '.join(cells)}"
                    print(told, flush=True)


if __name__ == "__main__":
    main()
