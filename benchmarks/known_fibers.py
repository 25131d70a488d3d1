"""Make what a training knows of fibers before anybody has painted one.

    python benchmarks/known_fibers.py

Writes ``src/napari_sciml/training/known_fibers.safetensors``: labeled voxels, as trees
see them, of phantoms of the package (thick, thin and bundled fibers, in little and in
much noise), with fibers brighter than what is around them, and darker. No image of
others is in it, so all of them can judge it.
"""

import numpy as np
import torch
from safetensors.numpy import save_file
from scipy import ndimage

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.networks.trees.examples import Examples
from napari_sciml.progress import exhaust
from napari_sciml.samples.config import PhantomConfig
from napari_sciml.samples.phantom import Phantom, make_phantom
from napari_sciml.training.known_fibers import FILE
from napari_sciml.training.trees import TreeGrower

EDGE = 64
BACKGROUND, FIBER = 1, 2
NEAR = 4.0
"""Voxels from a fiber: half as much of the background is taken from there again."""
COUNTS = {"fiber": 500, "near": 250, "anywhere": 400}
KEPT = 280
"""Voxels of a phantom that are kept, of those that context was learned from."""


def phantoms() -> list[Phantom]:
    """Seven, of unlike fibers and noise."""
    shape = (EDGE,) * 3
    return [
        make_phantom(config)
        for config in (
            PhantomConfig(shape=shape, seed=301),
            PhantomConfig.clustered(shape=shape, seed=302),
            PhantomConfig.thin(shape=shape, seed=303),
            PhantomConfig(shape=shape, seed=304, noise=0.08),
            PhantomConfig.thin(shape=shape, seed=305, noise=0.06),
            PhantomConfig(shape=shape, seed=306, noise=0.015, radius_mean=4.0),
            PhantomConfig.thin(shape=shape, seed=307, radius_mean=1.3),
        )
    ]


def labeled(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some voxels of each kind."""
    labels = np.zeros(truth.shape, np.uint8)
    far = ndimage.distance_transform_edt(~truth)
    for kind, where, value in (
        ("fiber", truth, FIBER),
        ("near", ~truth & (far < NEAR), BACKGROUND),
        ("anywhere", ~truth, BACKGROUND),
    ):
        places = np.flatnonzero(where)
        count = min(COUNTS[kind], len(places))
        labels.ravel()[rng.choice(places, count, replace=False)] = value
    return labels


def examples(image: np.ndarray, truth: np.ndarray) -> Examples:
    """Voxels of a phantom, with what a first stage said around them."""
    rng = np.random.default_rng(1)
    grower = TreeGrower(
        image,
        estimate_intensity(image),
        classes=2,
        spacing=None,
        seed=0,
        device=torch.device("cpu"),
    )
    steps = grower.grow(as_scribbles(labeled(truth, rng)), correcting=1.0)
    found = exhaust(steps).trees.examples
    assert found is not None
    return found[np.sort(rng.choice(len(found), KEPT, replace=False))]


def main() -> None:
    arrays = {}
    every = phantoms()
    for name, sign in (("bright", 1), ("dark", -1)):
        parts = [
            examples(sign * one.image.astype(np.float32), one.labels > 0)
            for one in every
        ]
        arrays[f"{name}.rows"] = np.concatenate([p.rows for p in parts])
        arrays[f"{name}.context"] = np.concatenate([p.context for p in parts])
        arrays[f"{name}.classes"] = np.concatenate([p.classes for p in parts])
    kinds = {"rows": np.float16, "context": np.float16, "classes": np.uint8}
    save_file(
        {key: part.astype(kinds[key.split(".")[1]]) for key, part in arrays.items()},
        FILE,
    )
    print(f"{FILE.name}: {FILE.stat().st_size / 1e3:.0f} kB")
    for key, part in arrays.items():
        print(f"  {key} {part.shape}, largest {np.abs(part).max():.1f}")


if __name__ == "__main__":
    main()
