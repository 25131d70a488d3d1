import json

import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.networks.build import network_from_description
from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.sparse.smsnet import (
    SMSNet,
    SMSNetConfig,
    build_smsnet,
)

FORMS = [(dims, combine) for dims in (2, 3) for combine in ("sum", "concat")]
SMALL = GraphLaw(nodes=4, dilations=(1, 2, 3), p_input=0.4, p_output=0.4)


def small(dims, combine="sum", seed=0, width=3, law=SMALL):
    config = SMSNetConfig(law=law, width=width, combine=combine, parameters=None)
    return build_smsnet(config, in_channels=2, classes=3, dims=dims, seed=seed)


def image(dims, n=1, edge=11, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((n, 2, *range(edge, edge + dims)), generator=generator)


def size(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("combine", ["sum", "concat"])
@pytest.mark.parametrize("dims", [2, 3])
def test_default_has_45000_parameters(dims, combine):
    config = SMSNetConfig(combine=combine)
    for seed in range(5):
        network = build_smsnet(config, in_channels=16, classes=2, dims=dims, seed=seed)
        assert abs(size(network) - 45_000) <= 4_500


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_parameters_are_counted_without_building(dims, combine, seed):
    network = small(dims, combine, seed, width=5)
    assert network.plan.parameters(classes=3) == size(network)


def test_unreachable_budget_is_one_clear_sentence():
    config = SMSNetConfig(parameters=10_000_000)
    with pytest.raises(InputError, match=r"about 10,000,000 parameters.*change the"):
        build_smsnet(config, in_channels=1, classes=2, dims=2, seed=0)


@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_description_round_trip(dims, combine):
    network, x = small(dims, combine), image(dims)
    description = json.loads(json.dumps(network.description()))
    copy = SMSNet.from_description(description)
    copy.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert torch.equal(copy(x), network(x))
    assert copy.description() == network.description()
    assert copy.radius == network.radius


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_receptive_field_ends_exactly_at_the_radius(dims, combine, seed):
    """With positive weights and values no way through the graph is blocked."""
    network = small(dims, combine, seed, width=1)
    r = network.radius
    for parameter in network.parameters():
        parameter.data.abs_()
    x = torch.ones((1, 2, *[2 * r + 5] * dims), requires_grad=True)
    middle = (r + 2,) * dims
    network(x)[(0, 0, *middle)].backward()
    seen = np.argwhere(x.grad[0].abs().sum(0).numpy() > 0) - (r + 2)
    assert seen.min(0).tolist() == [-r] * dims
    assert seen.max(0).tolist() == [r] * dims


@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_far_voxels_do_not_matter(dims, combine):
    network = small(dims, combine)
    r = network.radius
    x = image(dims, edge=2 * r + 6)
    changed = x.clone()
    changed[(..., *[slice(0, 2)] * dims)] += 5
    with torch.inference_mode():
        difference = (network(changed) - network(x)).abs().amax((0, 1)).numpy()
    near = (slice(0, r + 2),) * dims
    assert difference[near].max() > 1e-2
    difference[near] = 0
    assert difference.max() < 1e-6


@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_company_in_the_batch_does_not_matter(dims, combine):
    network = small(dims, combine)
    a, b = image(dims, seed=1), 100 * image(dims, seed=2)
    for mode in (network.train, network.eval):
        mode()
        with torch.inference_mode():
            together = network(torch.cat([b, a, b]))
            assert torch.allclose(together[1], network(a)[0], atol=1e-5)


@pytest.mark.parametrize("edge", [1, 2])
@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_tiny_images(dims, combine, edge):
    x = torch.randn((1, 2, *[edge] * dims), requires_grad=True)
    out = small(dims, combine)(x)
    out.sum().backward()
    assert out.shape == (1, 3, *[edge] * dims)


def test_seeds_decide_and_nothing_else():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = small(3, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = small(3, seed=5), small(3, seed=6)
    assert first.graph == again.graph
    assert first.graph != other.graph
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("law", [GraphLaw(), GraphLaw(nodes=20, k_max=8)])
@pytest.mark.parametrize(("dims", "combine"), FORMS)
def test_initial_weights_keep_the_spread(dims, combine, law):
    """Deep or wide, the answers start neither blown up nor at zero."""
    spreads = []
    for seed in range(4):
        network = small(dims, combine, seed, width=8, law=law)
        with torch.inference_mode():
            spreads.append(float(network(image(dims, edge=12)).std()))
    assert 0.3 < np.exp(np.mean(np.log(spreads))) < 5


@pytest.mark.parametrize(
    ("spacing", "flat"),
    [
        ((1e9, 1, 1), (0,)),
        ((10, 1, 1), (0,)),
        ((5, 1, 1), ()),
        ((2, 1, 1), ()),
        ((1, 1, 1e9), (2,)),
        ((1e9, 1e9, 1), (0, 1)),
    ],
)
@pytest.mark.parametrize("combine", ["sum", "concat"])
def test_default_reaches_the_budget_with_flat_kernels(combine, spacing, flat):
    config = SMSNetConfig(combine=combine)
    settings = {"in_channels": 16, "classes": 2, "dims": 3, "spacing": spacing}
    first, again = (build_smsnet(config, seed=0, **settings) for _ in range(2))
    assert abs(size(first) - 45_000) <= 4_500
    assert first.graph == again.graph
    assert [axis for axis in range(3) if first.reach[axis] == 0] == [*flat]
    assert max(first.reach) == first.radius


@pytest.mark.parametrize("parameters", [20_000, 200_000])
def test_default_law_follows_the_budget(parameters):
    config = SMSNetConfig(parameters=parameters)
    network = build_smsnet(config, in_channels=16, classes=2, dims=3, seed=0)
    assert abs(size(network) - parameters) <= parameters / 10


@pytest.mark.parametrize(
    ("dims", "combine", "nodes", "parameters"),
    [
        (2, "sum", 8, 46_306),
        (3, "sum", 4, 41_634),
        (2, "concat", 8, 44_082),
        (3, "concat", 4, 48_610),
    ],
)
def test_defaults_for_cubes_stay_what_they_were(dims, combine, nodes, parameters):
    """Even where the first graph that fits took 149 draws."""
    config = SMSNetConfig(combine=combine)
    network = build_smsnet(config, in_channels=16, classes=2, dims=dims, seed=27)
    assert (network.graph.nodes, size(network)) == (nodes, parameters)


def test_own_law_without_a_budget_is_taken_as_it_is():
    config = SMSNetConfig(law=GraphLaw(nodes=25))
    assert SMSNetConfig.model_validate_json(config.model_dump_json()) == config
    network = build_smsnet(config, in_channels=1, classes=2, dims=2, seed=0)
    assert network.graph.nodes == 25


@pytest.mark.parametrize("nodes", [20, 100])
def test_budget_out_of_reach_of_a_law_is_found_out_soon(nodes):
    config = SMSNetConfig(law=GraphLaw(nodes=nodes), parameters=45_000)
    with pytest.raises(InputError, match=r"in (3|10|60) draws .*change the number"):
        build_smsnet(config, in_channels=1, classes=2, dims=3, seed=0)


@pytest.mark.parametrize(
    "damage",
    [
        {"nodes": 10**9},
        {"edges": [[0, 9, 1]]},
        {"edges": [[0, 1, 1]]},
        {"edges": [[0, 1]]},
        {"edges": None},
        {"dims": 4},
        {"dims": "2"},
        {"in_channels": 0},
        {"in_channels": 10**9},
        {"classes": 10**9},
        {"width": 0},
        {"width": -3},
        {"width": 2.5},
        {"width": 10**5},
        {"width": 10_000},
        {"width": [3]},
        {"combine": "product"},
        {"spacing": [1.0]},
        {"spacing": [0.0, 1.0]},
        {"spacing": [float("nan"), 1.0]},
    ],
)
def test_damaged_descriptions_are_refused(damage):
    description = small(2).description()
    network_from_description(description)
    with pytest.raises(InputError):
        network_from_description({**description, **damage})


@pytest.mark.parametrize("width", [[3], [0] * 9, [3] * 100])
def test_damaged_widths_are_refused(width):
    description = {**small(2, "concat").description(), "width": width}
    with pytest.raises(InputError, match=r"one for each|channels"):
        network_from_description(description)
