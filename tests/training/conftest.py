"""A toy problem: a bright tube in noise, a few strokes, and small networks."""

import numpy as np
import pytest

from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.sparse.smsnet import SMSNetConfig, build_smsnet
from napari_sciml.training.config import TrainingConfig

EDGE = {2: 64, 3: 32}


@pytest.fixture(scope="session")
def tiny_network():
    return SMSNetConfig(law=GraphLaw(nodes=3), width=8, parameters=None)


@pytest.fixture(scope="session")
def tiny_config(tiny_network):
    """A training of about a second."""

    def make(dims, /, **settings):
        settings = {
            **{"members": 2, "steps": 6, "device": "cpu", "threads": 1},
            **{"crop": EDGE[dims] // 2, "sigmas": (1.0, 2.0), "evaluate_every": 5},
            **settings,
        }
        if "seconds" in settings:
            del settings["steps"]
        return TrainingConfig(network=tiny_network, **settings)

    return make


@pytest.fixture(scope="session")
def toy():
    """Image, labels (1 beside the tube, 2 inside) and the true mask."""

    def make(dims, noise=20.0):
        edge, radius = EDGE[dims], EDGE[dims] // 6
        across = np.indices((edge,) * dims)[-(dims - 1) :] - edge // 2
        truth = np.sqrt((across**2).sum(0)) < radius
        rng = np.random.default_rng(0)
        image = 100 + 60 * truth + noise * rng.normal(size=truth.shape)
        labels = np.zeros(truth.shape, np.uint8)
        for along in (slice(2, edge // 2 - 4), slice(edge // 2 + 4, -2)):
            for value, column in (
                *((2, edge // 2 - 2), (2, edge // 2 + 2)),
                *((1, 4), (1, edge // 2 + radius + 2)),
            ):
                labels[(along, column, *[edge // 2] * (dims - 2))] = value
        return image.astype(np.float32), labels, truth

    return make


@pytest.fixture
def gray_ensemble(tiny_network):
    """An ensemble with one member whose channels are the raw gray values."""

    def make(dims, sigmas=()):
        front = ScaleSpace(dims, sigmas)
        network = build_smsnet(
            tiny_network, in_channels=front.channels, classes=2, dims=dims, seed=0
        )
        return Ensemble(
            [network],
            front=front,
            intensity=IntensityScale(offset=0.0, scale=1.0),
            class_names=("background", "fiber"),
        )

    return make
