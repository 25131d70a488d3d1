"""Models and images for explanations."""

import numpy as np
import pytest

from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace


@pytest.fixture(scope="session")
def tree_model(grow_trees):
    """A model of trees alone, grown on an image and its labels."""

    def make(image, labels):
        front = ScaleSpace(image.ndim, (1.0,))
        return Ensemble(
            [],
            front=front,
            intensity=estimate_intensity(image),
            class_names=("background", "fiber"),
            forest=grow_trees(image, labels).trees,
        )

    return make


@pytest.fixture(scope="session")
def tree_case(tree_model, fibers):
    """Image, labels, truth and trees of bright tubes, by the number of axes."""
    made = {}

    def case(dims):
        if dims not in made:
            image, labels, truth = fibers(dims)
            made[dims] = image, labels, truth, tree_model(image, labels)
        return made[dims]

    return case


@pytest.fixture
def mixed_model(make_ensemble, tree_case):
    """Untrained networks and grown trees, which weigh alike."""

    def make(dims):
        image, labels, _, trees = tree_case(dims)
        ensemble = make_ensemble(dims, members=2)
        ensemble.intensity = trees.intensity
        ensemble.front.calibrate([front_sample(ensemble, image)])
        ensemble.use_forest(trees.forest, 0.5)
        return image, labels, ensemble

    return make


def front_sample(ensemble, image):
    import torch

    return torch.from_numpy(ensemble.intensity.apply(image))[None, None]


@pytest.fixture(scope="session")
def lines_and_discs():
    """Bright lines and discs on noise; which of them are the fibers is asked for."""

    def make(told_by, seed=0):
        rng = np.random.default_rng(seed)
        edge = 160
        y, x = np.indices((edge, edge))
        truth, other = np.zeros((edge, edge), bool), np.zeros((edge, edge), bool)
        image = rng.normal(100, 6, (edge, edge))
        for number, row in enumerate(range(12, edge - 8, 16)):
            if told_by == "gray":  # all are lines, every other one is brighter
                line = np.abs(y - row - 0.05 * (x - edge / 2)) < 2
                (truth if number % 2 else other)[line] = True
            elif number % 2:
                truth |= np.abs(y - row - 0.05 * (x - edge / 2)) < 2
            else:
                for column in range(12, edge - 8, 22):
                    other |= (y - row) ** 2 + (x - column) ** 2 < 5.5**2
        image[other] += 30 if told_by == "gray" else 60
        image[truth] += 60
        labels = np.zeros((edge, edge), np.uint8)
        # Only what is bright is labeled: all else could be told by gray value.
        bright = truth | other
        chosen = bright & (rng.random((edge, edge)) < 0.2)
        labels[chosen] = 1 + truth[chosen]
        if told_by == "gray":
            ground = ~bright & (rng.random((edge, edge)) < 0.01)
            labels[ground] = 1
        return image.astype(np.float32), labels, truth

    return make
