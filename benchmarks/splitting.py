"""How well touching fibers are taken apart, from a perfect mask of phantoms.

    python benchmarks/splitting.py [--edge 128] [--seeds 101,102,103]

Prints, for each preset and seed, the instance F1 (IoU from 0.4) of connected components
and of the split, the errors of length and direction of fibers that lie wholly inside,
the largest difference of the orientation tensor, and seconds. The constants of the
method were chosen on seeds 11 to 16.
"""

import argparse
import time
from functools import partial

import numpy as np

from napari_sciml.fibers.instances import label_fibers
from napari_sciml.fibers.measure import measure_fibers
from napari_sciml.fibers.orientation import orientation_tensor
from napari_sciml.fibers.score import instance_f1, match_instances
from napari_sciml.fibers.summary import directions_of
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom

PRESETS = {
    "default": PhantomConfig,
    "clustered": PhantomConfig.clustered,
    "clustered, 6 %": partial(PhantomConfig.clustered, volume_fraction=0.06),
    "clustered, 8 %": partial(PhantomConfig.clustered, volume_fraction=0.08),
    "thin, bundled, 5 %": partial(
        PhantomConfig.thin, bundled=0.65, clearance=1.0, volume_fraction=0.05
    ),
}


def row(name: str, seed: int, edge: int) -> str:
    phantom = make_phantom(PRESETS[name](shape=(edge,) * 3, seed=seed))
    mask = phantom.labels > 0
    plain = instance_f1(phantom.labels, label_fibers(mask)).f1
    began = time.perf_counter()
    labels = label_fibers(mask, split=True)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=128)
    parser.add_argument("--seeds", default="101,102,103")
    given = parser.parse_args()
    print(
        "| preset | seed | fibers | F1 of components | F1 | length error: median / "
        "mean (voxels) | direction: median (deg) | tensor | s |\n" + "| --- " * 9 + "|"
    )
    for name in PRESETS:
        for seed in given.seeds.split(","):
            print(row(name, int(seed), given.edge), flush=True)


if __name__ == "__main__":
    main()
