import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.device import has_fast_bfloat16
from napari_sciml.networks.layers import kernels, weight_gradient
from napari_sciml.networks.sparse.graph import Edge, SparseGraph, random_graph
from napari_sciml.networks.sparse.smsnet import SMSNet

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
LAW = GraphLaw(nodes=5, dilations=(1, 2, 3), p_input=0.5, p_output=0.5)
FORMS = [
    (2, "sum", 4, None),
    (2, "concat", 3, None),
    (3, "sum", 4, None),
    (3, "sum", 16, None),
    (3, "concat", 3, None),
    (3, "concat", (1, 2, 5), None),
    (3, "sum", 1, (3.0, 1.0, 1.0)),
    (3, "concat", 3, (1.0, 1.0, 4.0)),
    (2, "concat", 2, (1.0, 3.0)),
    (1, "sum", 3, None),
]


def build(dims, combine, width, spacing, seed=0, in_channels=2, law=LAW):
    rng = np.random.default_rng(seed)
    graph = random_graph(law, rng)
    hidden = sum(edge.target <= graph.nodes for edge in graph.edges)
    if not isinstance(width, int):
        width = [int(w) for w in rng.choice(width, size=hidden)]
    network = SMSNet(
        graph,
        in_channels=in_channels,
        classes=3,
        dims=dims,
        width=width,
        combine=combine,
        spacing=spacing,
    )
    generator = torch.Generator().manual_seed(seed)
    network.initialize(generator)
    for bias in (*network.biases, network.bias):
        bias.data.normal_(generator=generator)
    return network


def image(network, n=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (n, network.in_channels, 11, 10, 9)[: network.dims + 2]
    return torch.randn(shape, generator=generator)


def edge_weights(network):
    """Weight of each edge, from where the groups keep them."""
    weights = {
        (piece.edge.source, piece.edge.target): weight[piece.rows]
        for group, weight in zip(network.plan.groups, network.weights, strict=True)
        for piece in group.pieces
    }
    for source, weight in zip(network.plan.readers, network.readout, strict=True):
        weights[source, network.graph.output] = weight
    return weights


def naive(network, x):
    """Edge by edge, with torch's convolutions and torch.cat, every node kept."""
    graph, states, weights = network.graph, [x], edge_weights(network)
    shape = (-1, *[1] * network.dims)

    def read(edge):
        weight = weights[edge.source, edge.target].to(x.dtype)
        spacing = network.spacing or (1.0,) * network.dims
        steps = [int(edge.dilation * min(spacing) / s + 0.5) for s in spacing]
        steps = [0] * network.dims if edge.target == graph.output else steps
        dilation = [max(1, step) for step in steps]
        convolve = CONVOLVE[network.dims]
        state = states[edge.source]
        return convolve(state, weight, padding=steps, dilation=dilation)

    for node in range(1, graph.nodes + 1):
        parts = [read(edge) for edge in graph.into(node)]
        state = torch.cat(parts, 1) if network.combine == "concat" else sum(parts)
        bias = network.biases[node - 1].to(x.dtype).view(shape)
        states.append(functional.relu(state + bias))
    read_out = sum(read(edge) for edge in graph.into(graph.output))
    return read_out + network.bias.to(x.dtype).view(shape)


def answers(function, network, x):
    """Output and all gradients, of a sum with fixed weights."""
    network.zero_grad()
    x = x.detach().clone().requires_grad_()
    out = function(x)
    generator = torch.Generator().manual_seed(9)
    out.backward(torch.randn(out.shape, generator=generator).to(out.dtype))
    return [out.detach(), x.grad, *[p.grad.clone() for p in network.parameters()]]


def close(found, wanted, tolerance):
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        scale = max(1.0, float(b.abs().max()))
        assert float((a.double() - b.double()).abs().max()) < tolerance * scale


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("dims", "combine", "width", "spacing"), FORMS)
def test_outputs_and_gradients_equal_the_naive_network(
    dims, combine, width, spacing, seed
):
    network = build(dims, combine, width, spacing, seed)
    x = image(network)
    found = answers(network, network, x)
    wanted = answers(lambda x: naive(network, x.double()), network, x)
    close(found, wanted, 1e-4)
    for layout in {2: [torch.channels_last], 3: [torch.channels_last_3d]}.get(dims, []):
        other = answers(network, network, x.contiguous(memory_format=layout))
        close(other, wanted, 1e-4)
    with torch.inference_mode():
        assert torch.allclose(network(x), found[0], atol=1e-5)


@pytest.mark.parametrize(("dims", "combine", "width", "spacing"), FORMS)
def test_other_devices_take_the_general_way(monkeypatch, dims, combine, width, spacing):
    for module in (kernels, weight_gradient):
        monkeypatch.setattr(module, "is_fast", lambda image: False)
    network = build(dims, combine, width, spacing)
    x = image(network)
    found = answers(network, network, x)
    close(found, answers(lambda x: naive(network, x.double()), network, x), 1e-4)


def half(function):
    def run(x):
        with torch.autocast("cpu", torch.bfloat16):
            return function(x)

    return run


@pytest.mark.parametrize(("dims", "combine", "width", "spacing"), FORMS)
def test_half_width_arithmetic_is_as_good_as_torchs_own(dims, combine, width, spacing):
    rows = []
    for seed in range(3):
        network = build(dims, combine, width, spacing, seed)
        x = image(network)
        exact = answers(lambda x, n=network: naive(n, x.double()), network, x)
        ours = answers(half(network), network, x)
        theirs = answers(half(lambda x, n=network: naive(n, x)), network, x)
        assert ours[0].dtype == torch.bfloat16
        assert all(g.dtype == torch.float32 for g in ours[1:])
        rows.append([errors(found, exact) for found in (ours, theirs)])
    ours, theirs = np.mean(rows, axis=0)
    # Without units for it sums are rounded once more; there the program never uses it.
    most = 1.5 if has_fast_bfloat16(torch.device("cpu")) else 2.5
    assert np.all(ours < most * theirs + 0.005)


def errors(found, exact):
    """Relative, of the output, of the gradient of the image and of the weights."""
    return [
        float((flat(found[part]) - flat(exact[part])).norm() / flat(exact[part]).norm())
        for part in (slice(0, 1), slice(1, 2), slice(2, None))
    ]


def flat(tensors):
    return torch.cat([t.double().flatten() for t in tensors])


@pytest.mark.parametrize("edge", [8, 24])
def test_wide_strung_together_states_in_half_width(edge):
    """Node widths that are no multiple of 16 make oneDNN write out of bounds."""
    edges = [Edge(1, 0, 2), Edge(2, 0, 2), Edge(2, 1, 3)]
    edges += [Edge(3, 1, 2), Edge(3, 2, 4), Edge(4, 3, 2), Edge(5, 4, 1)]
    widths = [18, 21, 20, 17, 19, 22]
    network = SMSNet(
        SparseGraph(4, tuple(edges)),
        **{"in_channels": 19, "classes": 2, "dims": 3},
        width=widths,
        combine="concat",
    )
    network.initialize(torch.Generator().manual_seed(0))
    x = torch.randn((1, 19, edge, edge, edge), generator=torch.Generator())
    with torch.autocast("cpu", torch.bfloat16):
        out = network(x)
    out.float().square().mean().backward()
    found = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    network(x).square().mean().backward()
    for a, p in zip(found, network.parameters(), strict=True):
        assert torch.isfinite(a).all()
        assert float((a - p.grad).norm() / p.grad.norm()) < 0.1


def test_same_source_and_taps_are_one_convolution():
    edges = (Edge(1, 0, 1), Edge(2, 0, 1), Edge(3, 0, 2), Edge(3, 1, 1), Edge(4, 3, 1))
    edges = tuple(sorted((*edges, Edge(4, 2, 1))))
    settings = {"in_channels": 1, "classes": 2, "dims": 3, "width": 3}
    literal = SMSNet(SparseGraph(3, edges), **settings, combine="concat")
    assert [tuple(w.shape[:2]) for w in literal.weights] == [(6, 1), (3, 1), (3, 3)]
    summed = SMSNet(SparseGraph(3, edges), **settings, combine="sum")
    assert len(summed.weights) == 4


@pytest.mark.parametrize("width", [3, (1, 2)])
def test_description_keeps_widths_and_spacing(width):
    network = build(3, "concat", width, (2.0, 1.0, 1.0))
    description = json.loads(json.dumps(network.description()))
    copy = SMSNet.from_description(description)
    copy.load_state_dict(network.state_dict())
    assert copy.description() == network.description()
    x = image(network)
    with torch.inference_mode():
        assert torch.equal(copy(x), network(x))


def test_spacing_narrows_the_reach_along_coarse_axes():
    flat = build(3, "sum", 2, (5.0, 1.0, 1.0), law=GraphLaw(nodes=3, dilations=(2,)))
    x = torch.zeros((1, 2, 1, 9, 9))
    taller = torch.cat([torch.randn((1, 2, 1, 9, 9)), x], 2)
    with torch.inference_mode():
        assert torch.allclose(flat(x)[:, :, 0], flat(taller)[:, :, 1])
    assert all(tuple(w.shape[2:]) == (1, 3, 3) for w in flat.weights)
    assert flat.radius == flat.graph.radius


def test_only_what_needs_a_gradient_gets_one():
    network = build(3, "concat", 3, None)
    for weight in network.weights:
        weight.requires_grad_(False)
    network(image(network)).sum().backward()
    assert all(weight.grad is None for weight in network.weights)
    assert all(bias.grad is not None for bias in network.biases)


def test_second_backward_pass_is_refused():
    network = build(2, "sum", 3, None)
    loss = network(image(network)).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="freed"):
        loss.backward()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, nullcontext])
def test_prediction_forgets_states(mode):
    """The states of a long chain are dropped one by one."""
    edges = tuple(Edge(i + 1, i, 1) for i in range(12))
    network = SMSNet(
        SparseGraph(11, edges),
        **{"in_channels": 1, "classes": 2, "dims": 2, "width": 4, "combine": "sum"},
    )
    x = torch.randn(1, 1, 8, 8)
    with mode():
        out = network(x)
    states = getattr(out.grad_fn, "states", None)
    assert (len(states) if states else 0) == (12 if mode is nullcontext else 0)


@pytest.mark.parametrize(("dims", "combine", "width", "spacing"), FORMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_inside_is_the_middle_of_the_whole(dims, combine, width, spacing, seed):
    network = build(dims, combine, width, spacing, seed)
    cut = network.reach[0]
    shape = (1, network.in_channels, 2 * cut + 3, 12, 11)[: dims + 2]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        whole = network(x)
    inside = network.inside(x)
    assert inside.shape[2] == 3
    close(inside, whole[:, :, cut : cut + 3], 1e-5)
