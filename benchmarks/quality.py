"""How well the demo's ensemble finds fibers, on phantoms it was not tuned on.

    python benchmarks/quality.py [--seconds 80] [--seeds 101 102 103]

For each seed a new phantom (128³) with new scribbles; beside it the reference that is
measured in the same run: Otsu's threshold with the same components and dust removal.
"""

import argparse
import time

import numpy as np
from skimage.filters import threshold_otsu

from napari_sciml.demo import SCRIBBLED_VOXELS
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.instances import label_fibers
from napari_sciml.fibers.score import dice, instance_f1
from napari_sciml.prediction.blockwise import predict
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.session import train_to_end
from napari_sciml.uncertainty.threshold import confident


def scores(phantom: Phantom, mask: np.ndarray) -> str:
    labels = label_fibers(mask, dust=FiberConfig().dust)
    f1 = instance_f1(phantom.labels, labels, iou=0.4).f1
    return f"{dice(phantom.labels > 0, mask):.3f} | {f1:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    given = parser.parse_args()
    columns = ["seed", "voxels painted", "training (s)", "prediction (s)"]
    columns += ["Dice", "F1", "Dice, k = 0", "F1, k = 0", "Dice, Otsu", "F1, Otsu"]
    print("| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")
    for seed in given.seeds:
        phantom = make_phantom(PhantomConfig(seed=seed))
        labels = scribble(
            phantom.labels, phantom.image, budget=SCRIBBLED_VOXELS, seed=seed
        )
        started = time.perf_counter()
        config = TrainingConfig(seconds=given.seconds, seed=seed)
        ensemble = train_to_end(phantom.image, labels, config=config)
        trained = time.perf_counter()
        found = predict(ensemble, phantom.image)
        predicted = time.perf_counter()
        mean, std = found.mean[1], found.std[1]
        cells = [
            str(seed),
            str(np.count_nonzero(labels)),
            f"{trained - started:.0f}",
            f"{predicted - trained:.1f}",
            scores(phantom, confident(mean, std)),
            scores(phantom, confident(mean, std, k=0)),
            scores(phantom, phantom.image > threshold_otsu(phantom.image)),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
