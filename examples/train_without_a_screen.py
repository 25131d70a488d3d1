"""Train on a phantom, predict, keep what is sure, measure: all in memory.

python examples/train_without_a_screen.py
"""

import napari_sciml as ns
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.events import Snapshot
from napari_sciml.uncertainty.threshold import usual_k


def main() -> None:
    phantom = ns.make_phantom(ns.PhantomConfig(shape=(64, 96, 96), seed=3))
    labels = scribble(phantom.labels, phantom.image)
    for event in ns.train(phantom.image, labels, ns.TrainingConfig(seconds=30)):
        if isinstance(event, Snapshot):
            ensemble, scores = event.ensemble, event.scores
            print(f"{event.seconds:5.1f} s", scores and f"held-out {scores.dice}")
    prediction = ns.predict(ensemble, phantom.image)
    mean, std = prediction.mean[1], prediction.std[1]
    sure = ns.confident(mean, std, k=usual_k(mean, std), t=0.5)
    table = ns.measure_fibers(
        ns.label_fibers(sure, dust=50), voxel_size=(phantom.voxel_size,) * 3
    )
    print(table[["label", "length", "theta_deg", "phi_deg", "touches_border"]])


if __name__ == "__main__":
    main()
