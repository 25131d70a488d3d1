"""Does "where to label next" save strokes? A simulated annotator tells.

    python benchmarks/annotator.py [--strokes 30] [--seeds 3] [--out annotator]

Starts with a stroke of each class, then paints one short stroke after the other: where
the prediction is most wrong on the slice that is shown. Slices are chosen at random, or
by the suggestion. The training goes on meanwhile, a fixed number of rounds a stroke.
Prints the Dice of the fibers after each fifth stroke, and writes all of it to a file.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.fibers.score import dice
from napari_sciml.networks.device import default_threads, has_fast_bfloat16
from napari_sciml.prediction.blockwise import predict_blocks
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.live import LiveTraining
from napari_sciml.uncertainty.suggest import next_spot

EDGE, ROUNDS, LENGTH = 80, 8, 12
CLASSES = ("background", "fiber")
POLICIES = ("random", "suggested")


class Annotator:
    """Paints short strokes where a prediction is wrong."""

    def __init__(self, truth: np.ndarray, seed: int) -> None:
        self.truth = truth
        self.rng = np.random.default_rng(seed)
        self.visited: list[tuple[int, ...]] = []

    def first(self) -> np.ndarray:
        """A stroke of each class on the slice with most fibers."""
        labels = np.zeros(self.truth.shape, np.uint8)
        z = int(self.truth.sum((1, 2)).argmax())
        for value, where in ((2, self.truth[z]), (1, ~self.truth[z])):
            y, x = self._stroke(where)
            labels[z, y, x] = value
        return labels

    def correct(self, found: np.ndarray, z: int) -> tuple:
        """Voxels and label of a stroke on the largest error of a slice."""
        wrong = found[z] != self.truth[z]
        parts, count = ndimage.label(wrong)
        where = wrong
        if count:
            sizes = ndimage.sum_labels(wrong, parts, range(1, count + 1))
            where = parts == int(np.argmax(sizes)) + 1
        else:  # all is right here: confirm something
            where = self.truth[z] if self.truth[z].any() else ~self.truth[z]
        truth = self.truth[z][where]
        value = truth.mean() > 0.5
        return self._stroke(where & (self.truth[z] == value)), 1 + int(value)

    def choose(self, policy: str, information: np.ndarray, labels: np.ndarray) -> int:
        """The slice to look at."""
        shape = self.truth.shape
        if policy == "suggested":
            spot = next_spot(
                information,
                np.ones(shape, bool),
                labeled=np.argwhere(labels > 0),
                visited=self.visited,
                axis=0,
            )
            if spot is not None:
                self.visited.append(spot.center)
                return spot.center[0]
        return int(self.rng.integers(shape[0]))

    def _stroke(self, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The voxels of a region that are nearest to one of it, in a row."""
        places = np.argwhere(where)
        start = places[self.rng.integers(len(places))]
        order = np.argsort(np.abs(places - start).sum(1), kind="stable")
        return tuple(places[order[:LENGTH]].T)


def curve(policy: str, seed: int, strokes: int) -> Iterator[dict[str, float]]:
    phantom = make_phantom(PhantomConfig(shape=(EDGE,) * 3, seed=400 + seed))
    annotator = Annotator(phantom.labels > 0, seed)
    labels = annotator.first()
    config = TrainingConfig(seed=seed, threads=torch.get_num_threads())
    training = LiveTraining(phantom.image, labels, config, CLASSES)
    began, instant = time.perf_counter(), None
    for count in range(2, strokes + 2):
        for _ in range(ROUNDS):
            list(training.steps())
        if not training.taken_over:
            cheap = result(training.learn_instant())
            instant = cheap, result(training.judge(cheap))
        better = instant is None or training.takes_over(instant[1])
        ensemble = training.team.best() if better else instant[0]
        mean, information = predicted(ensemble, phantom.image)
        seconds = time.perf_counter() - began
        score = float(dice(annotator.truth, mean > 0.5))
        yield {"strokes": count, "seconds": seconds, "dice": score}
        z = annotator.choose(policy, information, labels)
        (y, x), value = annotator.correct(mean > 0.5, z)
        labels[z, y, x] = value
        places = np.ravel_multi_index((np.full(len(y), z), y, x), labels.shape)
        places = np.sort(places)
        training.take(
            [LabelChange(count, places, np.full(len(places), value, np.uint8))]
        )


def predicted(ensemble, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, information = np.zeros(image.shape), np.zeros(image.shape, np.float32)
    half = has_fast_bfloat16(torch.device("cpu"))
    for block in predict_blocks(ensemble, image, device="cpu", half=half):
        if block is not None:
            mean[block.tile.core] = block.mean[1]
            information[block.tile.core] = block.information
    return mean, information


def result(generator):
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--out", type=Path, default=Path("annotator"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = {}
    for seed in range(given.seeds):
        for policy in POLICIES:
            rows[f"{policy} {seed}"] = found = list(curve(policy, seed, given.strokes))
            told = [f"{row['dice']:.3f}" for row in found[4::5]]
            print(f"seed {seed}, {policy}: {' '.join(told)}", flush=True)
    given.out.mkdir(exist_ok=True, parents=True)
    (given.out / "annotator.json").write_text(json.dumps(rows, indent=1))
    for policy in POLICIES:
        curves = [
            [row["dice"] for row in rows[f"{policy} {s}"]] for s in range(given.seeds)
        ]
        mean = np.mean(curves, axis=0)
        print(f"| {policy} | " + " | ".join(f"{d:.3f}" for d in mean[4::5]) + " |")


if __name__ == "__main__":
    main()
