"""How well touching fibers are taken apart, from a perfect mask of phantoms.

    python benchmarks/splitting.py [--edge 128] [--seeds 101,102,103]
    python benchmarks/splitting.py --predicted [--steps 200] [--keep FOLDER]
    python benchmarks/splitting.py --glass SCAN.tif

Prints, for each preset and seed, the instance F1 (IoU from 0.4) of connected components
and of the split, the errors of length and direction of fibers that lie wholly inside,
the largest difference of the orientation tensor, and seconds. The constants of the
method were chosen on seeds 11 to 16.

With --predicted an ensemble is trained on scribbles first, as the demo does, and what
is split is its mask: F1 asked for is 0.85.

With --glass the fibers of a scan (thresholded by Otsu's method) are found again in the
volume turned by 90 degrees, and in its two halves, put together at the cut: count and
mean length should stay within 5 %.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from skimage.filters import threshold_otsu

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.orientation import orientation_tensor
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.fibers.segmentation.score import instance_f1, match_instances
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.demo import run_demo

PRESETS = {
    "default": PhantomConfig,
    "clustered": PhantomConfig.clustered,
    "clustered, 6 %": partial(PhantomConfig.clustered, volume_fraction=0.06),
    "clustered, 8 %": partial(PhantomConfig.clustered, volume_fraction=0.08),
    "thin, bundled, 5 %": partial(
        PhantomConfig.thin, bundled=0.65, clearance=1.0, volume_fraction=0.05
    ),
}

SETTINGS = FiberConfig().model_dump()
"""Those that the command and the dock begin with."""

PREDICTED = ["clustered", "clustered, 6 %", "thin, bundled, 5 %"]


def row(name: str, seed: int, edge: int) -> str:
    phantom = make_phantom(PRESETS[name](shape=(edge,) * 3, seed=seed))
    mask = phantom.labels > 0
    plain = instance_f1(phantom.labels, label_fibers(mask)).f1
    began = time.perf_counter()
    labels = label_fibers(mask, **SETTINGS)
    seconds = time.perf_counter() - began
    score = instance_f1(phantom.labels, labels)
    return (
        f"| {name} | {seed} | {int(phantom.labels.max())} | {plain:.3f} "
        f"| **{score.f1:.3f}** | {errors(phantom, labels)} | {seconds:.1f} |"
    )


def errors(phantom: Phantom, labels: np.ndarray) -> str:
    """Of the fibers that were found, against the cylinders that were drawn."""
    own = measure_fibers(labels, voxel_size=[phantom.voxel_size] * 3)
    pairs = match_instances(phantom.labels, labels)
    a = phantom.fibers.set_index("label").loc[pairs["truth"]]
    b = own.set_index("label").loc[pairs["predicted"]]
    whole = ~a["touches_border"].to_numpy()
    length = np.abs(a["end_to_end"].to_numpy() - b["length"].to_numpy())[whole]
    length /= phantom.voxel_size
    cosine = np.abs((directions_of(a) * directions_of(b)).sum(axis=1))[whole]
    angle = np.degrees(np.arccos(np.clip(cosine, 0, 1)))
    tensors = [
        orientation_tensor(directions_of(table), table[name].to_numpy())
        for table, name in ((phantom.fibers, "end_to_end"), (own, "length"))
    ]
    return (
        f"{np.median(length):.2f} / {length.mean():.2f} | {np.median(angle):.2f} "
        f"| {np.abs(tensors[0] - tensors[1]).max():.3f}"
    )


def predicted_row(name: str, seed: int, edge: int, steps: int, folder: Path) -> str:
    """Train, predict, threshold and split as the demo does."""
    config = PRESETS[name](shape=(edge,) * 3, seed=seed)
    training = TrainingConfig(steps=steps, seed=seed, device="cpu", threads=1)
    summary = run_demo(folder, training=training, stage=_quiet, config=config)
    scores = summary["scores"]
    truth = make_phantom(config).labels
    mask = tifffile.imread(folder / "mask.tif") > 0
    plain = instance_f1(truth, label_fibers(mask, dust=SETTINGS["dust"])).f1
    # What is left to lose to the mask alone: the truth, cut to it.
    perfect = instance_f1(truth, np.where(mask, truth, 0)).f1
    return (
        f"| {name} | {seed} | {scores['true_fibers']} | {scores['fiber_dice']:.3f} "
        f"| {plain:.3f} | **{scores['instance_f1']:.3f}** | {perfect:.3f} |"
    )


@contextmanager
def _quiet(title: str) -> Iterator:
    yield lambda share, note: None


def predicted(seeds: list[int], edge: int, steps: int, keep: Path | None) -> None:
    print(
        "| preset | seed | fibers | Dice of the mask | F1 of components | F1 "
        "| F1 of the truth in this mask |\n" + "| --- " * 7 + "|"
    )
    for name in PREDICTED:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as scratch:
                folder = (keep or Path(scratch)) / f"{PREDICTED.index(name)}-{seed}"
                print(predicted_row(name, seed, edge, steps, folder), flush=True)


def glass(path: Path) -> None:
    image = tifffile.imread(path)
    mask = image > threshold_otsu(image)
    whole = _measured(label_fibers(mask, **SETTINGS))
    print("| volume | fibers | mean length | median length |\n" + "| --- " * 4 + "|")
    print(_lengths("as it is", whole, whole))
    for axes in ((0, 1), (1, 2), (0, 2)):
        turned = np.ascontiguousarray(np.rot90(mask, 1, axes))
        table = _measured(label_fibers(turned, **SETTINGS))
        print(_lengths(f"turned in the plane of {axes}", table, whole), flush=True)
    for axis in range(3):
        table = _measured(_halves(mask, axis))
        print(_lengths(f"two halves across axis {axis}", table, whole), flush=True)


def _halves(mask: np.ndarray, axis: int) -> np.ndarray:
    """Split both halves alone; what meets best at the cut is one fiber again."""
    half = mask.shape[axis] // 2
    parts = np.split(mask, [half], axis)
    first, second = (
        label_fibers(np.ascontiguousarray(part), **SETTINGS).astype(np.int64)
        for part in parts
    )
    second[second > 0] += first.max()
    ends = pd.DataFrame(
        {"a": first.take(-1, axis).ravel(), "b": second.take(0, axis).ravel()}
    )
    shared = ends[(ends.a > 0) & (ends.b > 0)].value_counts()
    names = np.arange(second.max() + 1)
    taken: set[int] = set()
    for (a, b), _ in shared.items():
        if a not in taken and b not in taken:
            taken |= {a, b}
            names[b] = a
    return np.concatenate([first, names[second]], axis)


def _measured(labels: np.ndarray) -> pd.DataFrame:
    return measure_fibers(labels)


def _lengths(name: str, table: pd.DataFrame, whole: pd.DataFrame) -> str:
    numbers = []
    for value, reference in (
        (len(table), len(whole)),
        (table.length.mean(), whole.length.mean()),
        (table.length.median(), whole.length.median()),
    ):
        numbers.append(f"{value:.4g} ({100 * (value / reference - 1):+.1f} %)")
    return f"| {name} | {' | '.join(numbers)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=128)
    parser.add_argument("--seeds")
    parser.add_argument("--predicted", action="store_true")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--glass", type=Path)
    given = parser.parse_args()
    if given.glass:
        glass(given.glass)
    elif given.predicted:
        seeds = [int(seed) for seed in (given.seeds or "101").split(",")]
        predicted(seeds, given.edge, given.steps, given.keep)
    else:
        perfect((given.seeds or "101,102,103").split(","), given.edge)


def perfect(seeds: list[str], edge: int) -> None:
    print(
        "| preset | seed | fibers | F1 of components | F1 | length error: median / "
        "mean (voxels) | direction: median (deg) | tensor | s |\n" + "| --- " * 9 + "|"
    )
    for name in PRESETS:
        for seed in seeds:
            print(row(name, int(seed), edge), flush=True)


if __name__ == "__main__":
    main()
