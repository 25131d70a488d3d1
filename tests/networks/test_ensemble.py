import json

import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import MSDNetConfig, TUNet3PlusConfig, TUNetConfig
from napari_sciml.networks.custom import CustomNetwork
from napari_sciml.networks.ensemble import Ensemble, memory_format
from napari_sciml.networks.ensemble_description import build_ensemble, describe_ensemble
from napari_sciml.networks.scale_space import ScaleSpace


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
    assert ensemble.halo == (ensemble.front.radius + max(radii),) * dims


@pytest.mark.parametrize("dims", [2, 3])
def test_stored_as_json_and_weights(make_ensemble, dims):
    ensemble = make_ensemble(dims, sigmas=(1.0, 1.5))
    ensemble.front.calibrate([gray(ensemble)[None, None]])
    copy = build_ensemble(json.loads(json.dumps(describe_ensemble(ensemble))))
    copy.load_state_dict(ensemble.state_dict())
    assert describe_ensemble(copy) == describe_ensemble(ensemble)
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


def own_module(dims, in_channels, classes):
    return torch.nn.Conv2d(in_channels, classes, 3, padding=1)


def mixed(sigmas=(1.0,)):
    """One member of each kind, pooling by 2, 4 and not at all."""
    front = ScaleSpace(2, sigmas)
    shape = {"dims": 2, "in_channels": front.channels, "classes": 2}
    configs = (
        MSDNetConfig(layers=2, width=8),
        TUNetConfig(depth=3, base=4),
        TUNet3PlusConfig(depth=2, base=4),
    )
    members = [build_network(c, seed=i, **shape) for i, c in enumerate(configs)]
    members.append(
        CustomNetwork(own_module(*shape.values()), name="own", radius=1, **shape)
    )
    return Ensemble(
        members,
        front=front,
        intensity=IntensityScale(100.0, 0.02),
        class_names=("background", "fiber"),
    )


def test_members_of_many_kinds():
    ensemble = mixed()
    assert ensemble.stride == 4
    halo = ensemble.front.radius + ensemble.members[1].radius
    assert ensemble.halo == (halo, halo)
    description = json.loads(json.dumps(describe_ensemble(ensemble)))
    copy = build_ensemble(description, own={"own": own_module})
    copy.load_state_dict(ensemble.state_dict())
    for a, b in zip(answers(copy), answers(ensemble), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("own", [None, {}, {"another": own_module}])
def test_own_networks_have_to_be_given(own):
    with pytest.raises(InputError, match=r"load it with own=\{'own': make\}"):
        build_ensemble(describe_ensemble(mixed()), own)


def test_calibrated_probabilities(make_ensemble):
    ensemble = make_ensemble(2)
    channels = ensemble.channels(gray(ensemble))
    with torch.inference_mode():
        before = ensemble.probabilities(0, channels)
        ensemble.set_calibration(temperature=2.0, log_prior_ratio=[0.5, -3.0])
        after = ensemble.probabilities(0, channels)
        logits = ensemble.logits(0, channels)
    ratios = torch.tensor([0.5, -3.0]).view(2, 1, 1)
    assert torch.allclose(before, logits.softmax(0))
    assert torch.allclose(after, (logits / 2 + ratios).softmax(0))


def test_calibration_is_stored_beside_the_weights(make_ensemble):
    ensemble = make_ensemble(2)
    plain = describe_ensemble(ensemble)
    ensemble.set_calibration(temperature=1.7, log_prior_ratio=[0.1, -2.0])
    copy = build_ensemble(json.loads(json.dumps(describe_ensemble(ensemble))))
    copy.load_state_dict(ensemble.state_dict())
    for a, b in zip(answers(copy), answers(ensemble), strict=True):
        assert torch.equal(a, b)
    copy.set_calibration()
    assert describe_ensemble(copy) == plain


def test_descriptions_of_older_models_are_read(make_ensemble):
    ensemble = make_ensemble(2)
    description = describe_ensemble(ensemble)
    for key in ("temperature", "log_prior_ratio", "spacing"):
        del description[key]
    copy = build_ensemble(description)
    assert describe_ensemble(copy) == describe_ensemble(ensemble)


@pytest.mark.parametrize(
    ("temperature", "ratios", "match"),
    [
        (0.0, None, "above 0, not 0.0"),
        (float("nan"), None, "above 0, not nan"),
        (1.0, [0.0], "2 finite numbers"),
        (1.0, [0.0, float("inf")], "2 finite numbers"),
    ],
)
def test_bad_calibration(make_ensemble, temperature, ratios, match):
    with pytest.raises(InputError, match=match):
        make_ensemble(2).set_calibration(
            temperature=temperature, log_prior_ratio=ratios
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("members", []),
        ("sigmas", [1.0, 2.0]),
        ("sigmas", [1e9]),
        ("class_names", ["one"]),
        ("dims", 3),
        ("dims", 2.0),
    ],
)
def test_description_whose_parts_do_not_fit(make_ensemble, key, value):
    description = describe_ensemble(make_ensemble(2, sigmas=(1.0,)))
    build_ensemble(description)
    with pytest.raises(InputError):
        build_ensemble({**description, key: value})


def in_color(dims, inputs=3):
    """One member behind a front end for several channels."""
    front = ScaleSpace(dims, (1.0,), inputs=inputs)
    network = build_network(
        MSDNetConfig(layers=2, width=4),
        in_channels=front.channels,
        classes=2,
        dims=dims,
        seed=0,
    )
    scale = IntensityScale((100.0,) * inputs, (0.02,) * inputs)
    return Ensemble(
        [network], front=front, intensity=scale, class_names=("background", "fiber")
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_of_color_are_those_of_each_channel(dims):
    ensemble = in_color(dims)
    values = torch.rand((*[12] * dims, 3))
    found = ensemble.channels(values)
    assert found.is_contiguous(memory_format=memory_format(dims))
    front = ScaleSpace(dims, (1.0,))
    alone = [front(values[None, None, ..., c]) for c in range(3)]
    assert torch.equal(found, torch.cat(alone, dim=1))


def test_color_is_stored():
    ensemble = in_color(2)
    description = json.loads(json.dumps(describe_ensemble(ensemble)))
    copy = build_ensemble(description)
    assert copy.intensity == ensemble.intensity
    assert (copy.front.inputs, describe_ensemble(copy)) == (
        3,
        describe_ensemble(ensemble),
    )


@pytest.mark.parametrize(
    ("offset", "scale"), [([1.0], [1.0]), ([1.0] * 3, [1.0] * 2), (1.0, [1.0] * 3)]
)
def test_damaged_description_of_color(offset, scale):
    description = describe_ensemble(in_color(2))
    description["intensity"] = {"offset": offset, "scale": scale}
    with pytest.raises(InputError):
        build_ensemble(description)


@pytest.mark.parametrize(
    ("inputs", "shape", "match"),
    [
        (3, (12, 12), "with 3 channels, but this one has gray values"),
        (3, (12, 12, 4), "with 3 channels, but this one has 4 channels"),
        (1, (12, 12, 3), "with gray values, but this one has 3 channels"),
    ],
)
def test_channels_must_be_those_of_the_training(inputs, shape, match):
    with pytest.raises(InputError, match=match):
        in_color(2, inputs).channels(torch.zeros(shape))
