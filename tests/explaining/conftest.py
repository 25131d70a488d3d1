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
    """Lines that are fibers in the bright half alone; or lines, but not discs."""

    def make(told_by, seed=0):
        rng, edge = np.random.default_rng(seed), 160
        y, x = np.indices((edge, edge))
        line, disc = np.zeros((edge, edge), bool), np.zeros((edge, edge), bool)
        for number, row in enumerate(range(12, edge - 8, 16)):
            if told_by == "gray" or number % 2:
                line |= np.abs(y - row - 0.05 * (x - edge / 2)) < 2
                continue
            for column in range(12, edge - 8, 22):
                disc |= (y - row) ** 2 + (x - column) ** 2 < 5.5**2
        image = rng.normal(100, 6, (edge, edge)) + 60 * (line | disc)
        truth, told = line, rng.random((edge, edge)) < 0.2
        if told_by == "gray":  # all else is the same in both halves
            truth = line & (x > edge / 2)
            image += 60 * (x > edge / 2)
            told &= np.abs(x - edge / 2) > 24
        labels = np.zeros((edge, edge), np.uint8)
        # Only what is bright is labeled: all else could be told by gray value.
        chosen = (line | disc) & told
        labels[chosen] = 1 + truth[chosen]
        return image.astype(np.float32), labels, truth

    return make
