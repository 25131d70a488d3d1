"""Train an ensemble of networks of your own, save it, and load it again.

python examples/own_network.py

Any torch module will do that maps (n, channels, z, y, x) to (n, classes, z, y, x).
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

import napari_sciml as ns
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.session import train_to_end


def module(dims: int, channels: int, classes: int) -> nn.Module:
    """Two plain convolutions: they see one voxel on each side, twice."""
    assert dims == 3
    return nn.Sequential(
        nn.Conv3d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv3d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv3d(16, classes, 1),
    )


def make(channels: int, classes: int, seed: int) -> ns.CustomNetwork:
    torch.manual_seed(seed)
    return ns.CustomNetwork(
        module(3, channels, classes),
        name="two plain layers",
        dims=3,
        in_channels=channels,
        classes=classes,
        radius=2,
    )


def main() -> None:
    phantom = ns.make_phantom(ns.PhantomConfig(shape=(64, 96, 96), seed=3))
    labels = scribble(phantom.labels, phantom.image)
    config = ns.TrainingConfig(seconds=15, members=3)
    ensemble = train_to_end(phantom.image, labels, config=config, make_network=make)
    with TemporaryDirectory() as folder:
        ns.save_model(ensemble, Path(folder) / "model", record={})
        own = {"two plain layers": module}
        loaded = ns.load_model(Path(folder) / "model", own=own)
    mean = ns.predict(loaded, phantom.image).mean[1]
    truth = phantom.labels > 0
    overlap = 2 * np.sum((mean > 0.5) & truth) / (np.sum(mean > 0.5) + truth.sum())
    print(f"Dice of the fibers: {overlap:.2f}")


if __name__ == "__main__":
    main()
