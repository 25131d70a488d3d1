"""What holds for all kinds of networks alike."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.networks.build import build_network, network_from_description
from napari_sciml.networks.config import (
    GraphLaw,
    MSDNetConfig,
    NetworkConfig,
    SMSNetConfig,
    TUNet3PlusConfig,
    TUNetConfig,
)
from napari_sciml.networks.custom import CustomNetwork

CONFIGS = {
    "smsnet": SMSNetConfig(
        law=GraphLaw(nodes=3, dilations=(1, 2)), width=4, parameters=None
    ),
    "msdnet": MSDNetConfig(layers=3, width=16, dilations=(1, 3)),
    "msdnet literal": MSDNetConfig(layers=17, width=1, dilations=(1, 2)),
    "tunet": TUNetConfig(depth=3, base=6, growth=1.5, hidden=0.7),
    "tunet flat": TUNetConfig(depth=1, base=4),
    "tunet3plus": TUNet3PlusConfig(depth=3, base=6, growth=1.5, carry=5),
}
KINDS = [*CONFIGS, "own"]
every_kind = pytest.mark.parametrize("kind", KINDS)
configured = pytest.mark.parametrize("kind", CONFIGS)
every_dims = pytest.mark.parametrize("dims", [1, 2, 3])


def pooling_module(dims, in_channels, classes):
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    pool = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[dims - 1]
    return nn.Sequential(
        *(conv(in_channels, 8, 3, padding=1), nn.ReLU(), pool(2)),
        *(nn.Upsample(scale_factor=2), conv(8, classes, 1)),
    )


def make(kind, dims, in_channels=1, seed=0, spacing=None):
    if kind == "own":
        shape = {"dims": dims, "in_channels": in_channels, "classes": 3}
        module = pooling_module(*shape.values())
        network = CustomNetwork(module, name="mine", radius=2, stride=2, **shape)
        network.initialize(torch.Generator().manual_seed(seed))
        return network
    return build_network(
        CONFIGS[kind],
        in_channels=in_channels,
        classes=3,
        dims=dims,
        seed=seed,
        spacing=spacing,
    )


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 1, 5), (9, 6, 11), (8, 8, 8)])
@pytest.mark.parametrize("in_channels", [1, 3])
@every_dims
@every_kind
def test_any_size(kind, dims, in_channels, shape):
    network = make(kind, dims, in_channels)
    assert (network.dims, network.in_channels, network.classes) == (
        *(dims, in_channels, 3),
    )
    with torch.inference_mode():
        logits = network(noise(2, in_channels, *shape[:dims]))
    assert logits.shape == (2, 3, *shape[:dims])
    assert logits.isfinite().all()


@pytest.mark.parametrize("in_channels", [1, 3])
@every_dims
@every_kind
def test_description_round_trip(kind, dims, in_channels):
    network = make(kind, dims, in_channels, seed=3)
    description = json.loads(json.dumps(network.description()))
    copy = network_from_description(description, own={"mine": pooling_module})
    copy.load_state_dict(network.state_dict())
    x = noise(1, in_channels, *(9, 6, 7)[:dims])
    with torch.inference_mode():
        assert torch.equal(copy(x), network(x))
    assert copy.description() == network.description()
    assert (copy.radius, copy.stride) == (network.radius, network.stride)


@every_dims
@every_kind
def test_company_in_the_batch_does_not_matter(kind, dims):
    network = make(kind, dims)
    shape = (1, *(9, 6, 7)[:dims])
    a, b = noise(1, *shape, seed=1), 100 * noise(1, *shape, seed=2)
    for mode in (network.train, network.eval):
        mode()
        with torch.inference_mode():
            together = network(torch.cat([b, a, b]))
            assert torch.allclose(together[1], network(a)[0], atol=1e-5)


@pytest.mark.parametrize("offset", range(4))
@every_dims
@every_kind
def test_a_voxel_is_seen_within_the_radius_only(kind, dims, offset):
    network = make(kind, dims)
    place = (network.radius + 1 + offset,) * dims
    x = noise(1, 1, *[2 * network.radius + 7] * dims)
    changed = x.clone()
    changed[(0, 0, *place)] += 30
    with torch.inference_mode():
        moved = (network(changed) - network(x)).abs().amax((0, 1)).numpy() > 1e-4
    reach = np.abs(np.argwhere(moved) - place).max()
    assert network.radius / 4 <= reach <= network.radius


@configured
def test_radius_with_long_voxels(kind):
    network = make(kind, 3, spacing=(4.0, 1.0, 1.0))
    place = (6, network.radius + 3, network.radius + 3)
    x = noise(1, 1, 12, *[2 * network.radius + 7] * 2)
    changed = x.clone()
    changed[(0, 0, *place)] += 30
    with torch.inference_mode():
        moved = (network(changed) - network(x)).abs().amax((0, 1)).numpy() > 1e-4
    reach = np.abs(np.argwhere(moved) - place).max(0)
    assert reach.max() <= network.radius
    assert reach[0] < reach[1:].min()
    copy = network_from_description(network.description())
    copy.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert torch.equal(copy(x), network(x))


@every_dims
@every_kind
def test_seed_decides_and_nothing_else(kind, dims):
    x = noise(1, 1, *(9, 6, 7)[:dims])
    with torch.inference_mode():
        first = make(kind, dims, seed=5)(x)
        torch.rand(7)
        assert torch.equal(make(kind, dims, seed=5)(x), first)
        assert not torch.equal(make(kind, dims, seed=6)(x), first)


@configured
def test_global_random_numbers_are_left_alone(kind):
    before = torch.get_rng_state()
    network_from_description(make(kind, 2).description())
    assert torch.equal(torch.get_rng_state(), before)


@every_dims
@every_kind
def test_every_parameter_has_a_gradient(kind, dims):
    network = make(kind, dims, in_channels=3)
    x = noise(2, 3, *(33, 14, 12)[:dims])
    network(x).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@every_dims
@every_kind
def test_initial_weights_keep_the_spread(kind, dims):
    with torch.inference_mode():
        x = noise(1, 3, *(400, 30, 14)[:1]) if dims == 1 else None
        x = noise(1, 3, *[(30, 14)[dims - 2]] * dims) if x is None else x
        spreads = [float(make(kind, dims, 3, seed)(x).std()) for seed in range(8)]
    assert 0.1 < np.exp(np.mean(np.log(spreads))) < 5


@pytest.mark.parametrize("dims", [2, 3])
@every_kind
def test_half_precision_is_near(kind, dims):
    network = make(kind, dims, in_channels=3)
    x = noise(1, 3, *(13, 18, 11)[:dims], seed=4).requires_grad_()
    exact = network(x)
    (expected,) = torch.autograd.grad(exact.square().mean(), x)
    with torch.autocast("cpu", torch.bfloat16):
        near = network(x).float()
    (found,) = torch.autograd.grad(near.square().mean(), x)
    assert (near - exact).norm() < 0.03 * exact.norm()
    # A pool or a ReLU near its edge switches: gradients are only alike.
    assert (found - expected).norm() < 0.3 * expected.norm()


@pytest.mark.parametrize(
    ("config", "in_channels", "match"),
    [
        (MSDNetConfig(layers=200, width=256), 16, "parameters.*narrower"),
        (TUNetConfig(depth=7, base=1024), 16, "parameters.*narrower"),
        (TUNetConfig(depth=7, base=1024, growth=8, hidden=8), 1, "smaller base"),
        (TUNet3PlusConfig(depth=7, base=512, carry=1024), 1, "parameters.*narrower"),
        (TUNetConfig(), 0, "1 to .* input channels"),
        (MSDNetConfig(), 10**9, "1 to .* input channels"),
        ("unet", 1, "no network of the kind None; there are: smsnet, msdnet"),
    ],
)
def test_absurd_networks_are_refused(config, in_channels, match):
    with pytest.raises(InputError, match=match):
        build_network(config, in_channels=in_channels, classes=2, dims=3, seed=0)


@pytest.mark.parametrize("spacing", [(1.0, 2.0), (1, 1, 0), (1, 1, float("inf"))])
@configured
def test_bad_spacing(kind, spacing):
    with pytest.raises(InputError, match="voxel size must be 3 lengths"):
        make(kind, 3, spacing=spacing)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": "resnet"}, "no network of the kind 'resnet'"),
        ({"kind": None}, "no network of the kind None"),
        ({"dims": 4}, "not in 4"),
        ({"classes": "2"}, "1 to .* classes, not '2'"),
        ({"in_channels": -1}, "input channels, not -1"),
        ({"width": 10**6}, "is damaged"),
        ({"depth": 3}, "is damaged"),
        ({"layers": "many"}, "is damaged"),
    ],
)
def test_damaged_descriptions(change, match):
    description = make("msdnet", 2).description() | change
    with pytest.raises(InputError, match=match):
        network_from_description(description)
    del description["in_channels"]
    with pytest.raises(InputError):
        network_from_description(description)


@pytest.mark.parametrize("description", [None, [], "tunet", {}])
def test_no_description_at_all(description):
    with pytest.raises(InputError, match="no network of the kind"):
        network_from_description(description)


numbers = st.one_of(st.integers(-1, 9), st.floats(allow_nan=True), st.none())
fuzzed = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("msdnet")},
        optional={
            "layers": st.integers(-1, 12) | st.none(),
            "width": st.integers(-1, 20),
            "dilations": st.lists(st.integers(-1, 40), max_size=4),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["tunet", "tunet3plus", "unet"])},
        optional={
            "depth": st.integers(-1, 6),
            "base": st.integers(-1, 12),
            "growth": st.floats(-1, 2.5) | numbers,
            "hidden": st.floats(-1, 1.5) | numbers,
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("tunet3plus"), "depth": st.integers(1, 5)},
        optional={"base": st.integers(1, 6), "carry": st.integers(-1, 9) | st.none()},
    ),
)


@settings(deadline=None, max_examples=120)
@given(
    fuzzed,
    st.integers(1, 3),
    st.sampled_from([-1, 0, 1, 2, 3, 17]),
    st.tuples(*[st.integers(1, 9)] * 3),
)
def test_fuzzed_constructors(settings, dims, in_channels, shape):
    """A network that answers, or one clear error."""
    try:
        config = TypeAdapter(NetworkConfig).validate_python(settings)
        network = build_network(
            config, in_channels=in_channels, classes=2, dims=dims, seed=1
        )
    except (ValidationError, InputError):
        return
    assert TypeAdapter(NetworkConfig).validate_json(config.model_dump_json()) == config
    with torch.inference_mode():
        logits = network(noise(1, in_channels, *shape[:dims]))
    assert logits.shape == (1, 2, *shape[:dims])
    assert logits.isfinite().all()
