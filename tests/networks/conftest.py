"""Small ensembles, quick to build and to run."""

import pytest

from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.graph import GraphLaw
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.smsnet import SMSNetConfig, build_smsnet


@pytest.fixture
def make_ensemble():
    """Build an untrained ensemble, its weights drawn from the members' numbers."""

    def make(dims, members=3, sigmas=(1.0,), classes=("background", "fiber")):
        config = SMSNetConfig(
            law=GraphLaw(nodes=3, dilations=(1, 2)), width=4, parameters=None
        )
        front = ScaleSpace(dims, sigmas)
        return Ensemble(
            [
                build_smsnet(
                    config,
                    in_channels=front.channels,
                    classes=len(classes),
                    dims=dims,
                    seed=seed,
                )
                for seed in range(members)
            ],
            front=front,
            intensity=IntensityScale(offset=100.0, scale=0.02),
            class_names=classes,
        )

    return make
