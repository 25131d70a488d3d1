"""Sparse mixed-scale networks (SMSNets) in 1D, 2D and 3D."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.base import MAX_CHANNELS, check_shape, check_size
from napari_sciml.networks.config import GraphLaw, SMSNetConfig
from napari_sciml.networks.layers.kernels import physical_taps
from napari_sciml.networks.sparse.executor import Weights, run, run_inside, states_read
from napari_sciml.networks.sparse.graph import Edge, SparseGraph, random_graph
from napari_sciml.networks.sparse.plan import plan_graph

DEFAULT_NODES = {0: 32, 1: 16, 2: 8, 3: 4}
"""Nodes that make about 45,000 parameters, by the axes that kernels have."""

NODES = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40)
"""Numbers of nodes that are tried where the default does not reach the budget."""

BUDGET_TOLERANCE = 0.1
MAX_DRAWS = 2000
PATIENCE = 400
"""Draws that must all miss on the same side before other nodes are tried.

More than the defaults need where voxels are cubes (at most 150 in 3,600 trials), so
that other nodes are not tried there."""

HOPELESS = {3: 30, 10: 4, 60: 1.5}
"""Draws after which a law is given up, if all miss by this factor on one side."""


class SMSNet(nn.Module):
    """A network on a random sparse graph of dilated convolutions.

    A node is ``ReLU(combine(conv_e(source_e)) + bias)`` over its incoming edges
    with kernels of 3 voxels an axis and zero padding; the output is linear in
    its sources, voxel by voxel. There is no batch normalization: with a
    standardized input and an initialization that counts the edges of a node it
    learns faster without, and a voxel's result depends on what lies within
    ``radius`` voxels and on nothing else, not on its batch or tile.

    The weights are zero until `initialize`.

    Parameters
    ----------
    graph
        Connections and dilations.
    in_channels, classes
        Channels of the input and of the output (class logits).
    dims
        2 for ``(n, c, y, x)``, 3 for ``(n, c, z, y, x)``.
    width
        Channels that an edge makes; or with "concat" one number for each edge
        into a hidden node, in the order of ``graph.edges``.
    combine
        See `SMSNetConfig`.
    spacing
        Voxel edges, one an axis, that dilations are scaled by; None = all equal.

    Raises
    ------
    InputError
        When the parts do not fit, or the network would be absurdly large.
    """

    stride = 1

    def __init__(
        self,
        graph: SparseGraph,
        *,
        in_channels: int,
        classes: int,
        dims: int,
        width: int | Sequence[int],
        combine: Literal["sum", "concat"],
        spacing: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        check_shape(in_channels, classes, dims, spacing)
        _check_width(graph, width, combine)
        self.graph = graph
        self.dims = dims
        self.combine: Literal["sum", "concat"] = combine
        self.width = width if isinstance(width, int) else tuple(width)
        self.in_channels = in_channels
        self.classes = classes
        self.spacing = None if spacing is None else tuple(float(s) for s in spacing)
        self.plan = plan_graph(
            graph,
            in_channels=in_channels,
            width=self.width,
            combine=combine,
            dims=dims,
            spacing=self.spacing,
        )
        check_size(self.plan.parameters(classes))
        self._make_parameters()

    def _make_parameters(self) -> None:
        plan = self.plan
        self.weights = _zeros(group.shape for group in plan.groups)
        self.biases = _zeros((c,) for c in plan.channels[1:])
        self.readout = _zeros(
            (self.classes, plan.channels[node], *[1] * self.dims)
            for node in plan.readers
        )
        self.bias = nn.Parameter(torch.zeros(self.classes))

    @property
    def radius(self) -> int:
        """Voxels that an output voxel sees on each side, along the widest axis."""
        return max(self.reach)

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels that an output voxel sees on each side, axis by axis."""
        return self.plan.reach

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal (He et al., 2015)."""
        incoming = {
            node: len(self.graph.into(node)) for node in range(self.graph.output + 1)
        }
        drawn = [
            (weight.data[piece.rows], piece.edge.target, self.combine == "sum")
            for group, weight in zip(self.plan.groups, self.weights, strict=True)
            for piece in group.pieces
        ]
        drawn += [(weight.data, self.graph.output, True) for weight in self.readout]
        for weight, target, summed in drawn:
            fan_in = weight[0].numel() * (incoming[target] if summed else 1)
            weight.normal_(std=(2 / fan_in) ** 0.5, generator=generator)
        for bias in (*self.biases, self.bias):
            bias.data.zero_()

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        return run(self.plan, image, self._weights())

    def inside(self, image: Tensor) -> Tensor:
        """Logits but for ``reach`` voxels at both ends of the first axis.

        Cheaper than to compute and drop them; without gradients.
        """
        return run_inside(self.plan, image, self._weights())

    def features(self, image: Tensor) -> Tensor:
        """What the last layer reads ``(n, f, …)``, as far as `inside` reaches."""
        return states_read(self.plan, image, self._weights())

    def _weights(self) -> Weights:
        return Weights(
            list(self.weights), list(self.biases), list(self.readout), self.bias
        )

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        return {
            "kind": "smsnet",
            "nodes": self.graph.nodes,
            "edges": [[e.source, e.target, e.dilation] for e in self.graph.edges],
            "in_channels": self.in_channels,
            "classes": self.classes,
            "dims": self.dims,
            "width": self.width if isinstance(self.width, int) else list(self.width),
            "combine": self.combine,
            "spacing": None if self.spacing is None else list(self.spacing),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "SMSNet":
        """Build a network with the stored graph; the weights come separately."""
        edges = tuple(Edge(t, s, d) for s, t, d in description["edges"])
        return cls(
            SparseGraph(description["nodes"], edges),
            in_channels=description["in_channels"],
            classes=description["classes"],
            dims=description["dims"],
            width=description["width"],
            combine=description["combine"],
            spacing=description.get("spacing"),
        )


def build_smsnet(
    config: SMSNetConfig,
    *,
    in_channels: int,
    classes: int,
    dims: int,
    seed: int,
    spacing: Sequence[float] | None = None,
) -> SMSNet:
    """Draw a graph and weights from one seed.

    Raises
    ------
    InputError
        When no graph of the law comes near the asked number of parameters.
    """
    rng = np.random.default_rng(seed)
    shape: dict[str, Any] = {"in_channels": in_channels, "dims": dims}
    shape |= {"combine": config.combine, "spacing": spacing}
    graph, width = _draw_within_budget(config, shape, classes, rng)
    network = SMSNet(graph, classes=classes, width=width, **shape)
    network.initialize(torch.Generator().manual_seed(int(rng.integers(2**63))))
    return network


def _draw_within_budget(
    config: SMSNetConfig, shape: dict[str, Any], classes: int, rng: np.random.Generator
) -> tuple[SparseGraph, int | tuple[int, ...]]:
    law = config.law or GraphLaw(nodes=_default_nodes(shape["dims"], shape["spacing"]))
    tried, counts, seen = {law.nodes}, [], []
    for _ in range(MAX_DRAWS):
        graph, width = _draw(law, config.width, rng)
        count = plan_graph(graph, width=width, **shape).parameters(classes)
        if _fits(config, count):
            return graph, width
        counts.append(count)
        seen.append(count)
        hopeless = _hopeless(counts, config)
        if config.law is None and (hopeless or _misses(counts, config)):
            nodes = _next_nodes(law.nodes, counts[-1] < (config.parameters or 0))
            if nodes not in tried:
                tried.add(nodes)
                law, counts = GraphLaw(nodes=nodes), []
                continue
        if hopeless:
            break
    raise InputError(
        f"No graph with about {config.parameters:,} parameters in {len(seen)} draws "
        f"(they had {min(seen):,} to {max(seen):,}): change the number of nodes, "
        "the width or the number of parameters."
    )


def _default_nodes(dims: int, spacing: Sequence[float] | None) -> int:
    """By the axes along which kernels have more than one tap, on the average."""
    dilations = GraphLaw().dilations
    steps = [s for d in dilations for s in physical_taps(dims, d, spacing).reach]
    return DEFAULT_NODES[round(sum(map(bool, steps)) / len(dilations))]


def _next_nodes(nodes: int, more: bool) -> int:
    """One step along the list; from its end, the same."""
    place = NODES.index(nodes) + (1 if more else -1)
    return NODES[min(max(place, 0), len(NODES) - 1)]


def _misses(counts: list[int], config: SMSNetConfig) -> bool:
    """Whether the first draws of a law all miss the budget on the same side."""
    return len(counts) == PATIENCE and _same_side(counts, config)


def _hopeless(counts: list[int], config: SMSNetConfig) -> bool:
    """Whether more draws of a law are a waste of time: all are on one side, far."""
    factor = HOPELESS.get(len(counts))
    if factor is None or not _same_side(counts, config):
        return False
    budget = config.parameters or 0
    return min(max(count / budget, budget / count) for count in counts) > factor


def _same_side(counts: list[int], config: SMSNetConfig) -> bool:
    budget = config.parameters or 0
    return max(counts) < budget or min(counts) > budget


def _draw(
    law: GraphLaw, widths: int | tuple[int, ...], rng: np.random.Generator
) -> tuple[SparseGraph, int | tuple[int, ...]]:
    graph = random_graph(law, rng)
    if isinstance(widths, int):
        return graph, widths
    hidden = sum(edge.target <= graph.nodes for edge in graph.edges)
    return graph, tuple(int(w) for w in rng.choice(widths, size=hidden))


def _fits(config: SMSNetConfig, count: int) -> bool:
    if config.parameters is None:
        return True
    return abs(count - config.parameters) <= BUDGET_TOLERANCE * config.parameters


def _check_width(graph: SparseGraph, width: int | Sequence[int], combine: str) -> None:
    if combine not in ("sum", "concat"):
        raise InputError(f"Nodes combine by 'sum' or 'concat', not by {combine!r}.")
    hidden = sum(edge.target <= graph.nodes for edge in graph.edges)
    widths = [width] if isinstance(width, int) else list(width)
    if not isinstance(width, int) and (combine == "sum" or len(widths) != hidden):
        raise InputError(
            f"A graph with {hidden} edges into hidden nodes needs one width, or with "
            f"'concat' one for each, not {len(widths)} with '{combine}'."
        )
    if any(type(w) is not int or not 1 <= w <= MAX_CHANNELS for w in widths):
        raise InputError(f"An edge makes 1 to {MAX_CHANNELS:,} channels each.")


def _zeros(shapes: Iterable[tuple[int, ...]]) -> nn.ParameterList:
    return nn.ParameterList(nn.Parameter(torch.zeros(shape)) for shape in shapes)
