"""CPU seconds from a painted stroke to samplers that draw from it.

    python benchmarks/strokes.py [--large]

A stroke of 30 voxels comes to a live training with some 2,000 annotated ones. Beside
it, one pass of `numpy.unique` over the same annotation as a dense array: what is
dense costs such a pass or more at every step that looks at the labels.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.live import LiveTraining

CLASSES = ("background", "fiber")
LENGTH, BEFORE, REPEATS = 30, 66, 7


def cpu_seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def strokes(edge: int) -> Iterator[LabelChange]:
    """Lines of the two classes in turn, anywhere in a cube."""
    rng = np.random.default_rng(0)
    for revision in range(1, BEFORE + REPEATS + 1):
        start = rng.integers(0, edge - LENGTH, 3)
        first = np.ravel_multi_index(tuple(start), (edge,) * 3)
        values = np.full(LENGTH, 1 + revision % 2, np.uint8)
        yield LabelChange(revision, first + np.arange(LENGTH), values)


def measure(edge: int) -> tuple[int, float, float]:
    """Voxels before the strokes, and the median of a stroke and of a dense pass."""
    shape, changes = (edge,) * 3, strokes(edge)
    # One slice for all: the image is not what is measured.
    rows = np.random.default_rng(1).normal(size=shape[1:]).astype(np.float32)
    labels = Scribbles.empty(shape)
    for _ in range(BEFORE):
        labels = labels.changed(next(changes))
    training = LiveTraining(
        np.broadcast_to(rows, shape),
        labels,
        TrainingConfig(device="cpu", threads=1),
        CLASSES,
    )
    # The first stroke finds cold caches.
    training.update_labels([next(changes)])
    taken = [
        cpu_seconds(lambda c=change: training.update_labels([c])) for change in changes
    ]
    dense = labels.to_dense()
    passes = [cpu_seconds(lambda: np.unique(dense)) for _ in range(2)]
    return len(labels), float(np.median(taken)), float(np.median(passes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 800^3")
    torch.set_num_threads(1)
    edges = (256, 512, 800) if parser.parse_args().large else (256, 512)
    print("| volume | annotated | a stroke (CPU s) | one dense pass (CPU s) |")
    print("| --- | --- | --- | --- |")
    for edge in edges:
        count, stroke, dense = measure(edge)
        print(f"| {edge}³ | {count} | {stroke:.3f} | {dense:.2f} |", flush=True)


if __name__ == "__main__":
    main()
