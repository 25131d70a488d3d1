import json

import numpy as np
import pytest
import torch

from napari_sciml.networks.ensemble import Ensemble, memory_format


def gray(ensemble, edge=12):
    raw = np.random.default_rng(0).integers(0, 255, (edge,) * ensemble.dims, np.uint8)
    return torch.from_numpy(ensemble.intensity.apply(raw))


def answers(ensemble):
    with torch.inference_mode():
        channels = ensemble.channels(gray(ensemble))
        return [
            ensemble.probabilities(member, channels)
            for member in range(len(ensemble.members))
        ]


@pytest.mark.parametrize("dims", [2, 3])
def test_answers_are_probabilities(make_ensemble, dims):
    ensemble = make_ensemble(dims, classes=("matrix", "fiber", "pore"))
    first, second, third = answers(ensemble)
    assert first.shape == (3, *[12] * dims)
    assert torch.allclose(first.sum(0), torch.ones([12] * dims))
    assert not torch.allclose(first, second)
    assert not torch.allclose(second, third)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sigmas", [(), (1.0, 2.0)])
def test_halo_is_what_front_end_and_widest_network_see(make_ensemble, dims, sigmas):
    ensemble = make_ensemble(dims, members=4, sigmas=sigmas)
    radii = [member.radius for member in ensemble.members]
    assert len(set(radii)) > 1
    assert ensemble.halo == ensemble.front.radius + max(radii)


@pytest.mark.parametrize("dims", [2, 3])
def test_stored_as_json_and_weights(make_ensemble, dims):
    ensemble = make_ensemble(dims, sigmas=(1.0, 1.5))
    ensemble.front.calibrate([gray(ensemble)[None, None]])
    copy = Ensemble.from_description(json.loads(json.dumps(ensemble.description())))
    copy.load_state_dict(ensemble.state_dict())
    assert copy.description() == ensemble.description()
    assert (copy.dims, copy.halo, copy.intensity, copy.class_names) == (
        *(ensemble.dims, ensemble.halo, ensemble.intensity),
        ensemble.class_names,
    )
    for a, b in zip(answers(copy), answers(ensemble), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_are_laid_out_for_convolutions(make_ensemble, dims):
    ensemble = make_ensemble(dims)
    channels = ensemble.channels(gray(ensemble))
    assert channels.shape == (1, ensemble.front.channels, *[12] * dims)
    assert channels.is_contiguous(memory_format=memory_format(dims))
    assert ensemble.device == torch.device("cpu")
