"""Sparse mixed-scale networks (SMSNets) in 2D and 3D."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.config import SMSNetConfig
from napari_sciml.networks.convolution import DilatedConv3d
from napari_sciml.networks.graph import Edge, GraphLaw, SparseGraph, random_graph

POINTWISE = {2: nn.Conv2d, 3: nn.Conv3d}
DEFAULT_NODES = {2: 8, 3: 4}
BUDGET_TOLERANCE = 0.1
MAX_DRAWS = 2000


class SMSNet(nn.Module):
    """A network on a random sparse graph of dilated convolutions.

    A node is ``ReLU(combine(conv_e(source_e)) + bias)`` over its incoming edges
    with kernels of 3 voxels an axis and zero padding; the output is linear in
    its sources, voxel by voxel. There is no batch normalization: with a
    standardized input and an initialization that counts the edges of a node it
    learns faster without, and a voxel's result depends on what lies within
    ``radius`` voxels and on nothing else, not on its batch or tile.

    Parameters
    ----------
    graph
        Connections and dilations.
    in_channels, classes
        Channels of the input and of the output (class logits).
    dims
        2 for ``(n, c, y, x)``, 3 for ``(n, c, z, y, x)``.
    width, combine
        See `SMSNetConfig`.
    """

    def __init__(
        self,
        graph: SparseGraph,
        *,
        in_channels: int,
        classes: int,
        dims: int,
        width: int,
        combine: Literal["sum", "concat"],
    ) -> None:
        super().__init__()
        self.graph = graph
        self.dims = dims
        self.combine = combine
        self.width = width
        channels = _node_channels(graph, in_channels, width, combine)
        self.in_channels = in_channels
        self.convolutions = nn.ModuleDict()
        self.biases = nn.ParameterList()
        for node in range(1, graph.nodes + 1):
            for edge in graph.into(node):
                self.convolutions[_name(edge)] = _convolution(
                    dims, channels[edge.source], width, edge.dilation
                )
            self.biases.append(nn.Parameter(torch.zeros(channels[node])))
        for edge in graph.into(graph.output):
            self.convolutions[_name(edge)] = POINTWISE[dims](
                channels[edge.source], classes, kernel_size=1, bias=False
            )
        self.bias = nn.Parameter(torch.zeros(classes))
        self._last_reader = {
            node: max(
                (
                    e.target
                    for e in graph.edges
                    if e.source == node and e.target <= graph.nodes
                ),
                default=node,
            )
            for node in range(graph.nodes + 1)
        }

    @property
    def radius(self) -> int:
        """Voxels that an output voxel sees on each side."""
        return self.graph.radius

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal (He et al., 2015)."""
        for edge in self.graph.edges:
            weight = self.convolutions[_name(edge)].get_parameter("weight")
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
            summed = self.combine == "sum" or edge.target == self.graph.output
            if summed:
                with torch.no_grad():
                    weight.div_(len(self.graph.into(edge.target)) ** 0.5)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        logits = self.bias.view(1, -1, *[1] * self.dims)
        alive = {0: image}
        for node in range(self.graph.nodes + 1):
            if node:
                alive[node] = self._node(node, alive)
            for edge in self.graph.into(self.graph.output):
                if edge.source == node:
                    logits = logits + self.convolutions[_name(edge)](alive[node])
            # Memory decides how large a block can be: forget what is not read again.
            alive = {n: x for n, x in alive.items() if self._last_reader[n] > node}
        return logits

    def _node(self, node: int, alive: dict[int, Tensor]) -> Tensor:
        parts = [
            self.convolutions[_name(edge)](alive[edge.source])
            for edge in self.graph.into(node)
        ]
        state = torch.cat(parts, 1) if self.combine == "concat" else _sum(parts)
        bias = self.biases[node - 1].view(1, -1, *[1] * self.dims)
        return torch.relu_(state + bias)

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        return {
            "kind": "smsnet",
            "nodes": self.graph.nodes,
            "edges": [[e.source, e.target, e.dilation] for e in self.graph.edges],
            "in_channels": self.in_channels,
            "classes": int(self.bias.numel()),
            "dims": self.dims,
            "width": self.width,
            "combine": self.combine,
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
        )


def build_smsnet(
    config: SMSNetConfig, *, in_channels: int, classes: int, dims: int, seed: int
) -> SMSNet:
    """Draw a graph and weights from one seed.

    Raises
    ------
    InputError
        When no graph of the law comes near the asked number of parameters.
    """
    rng = np.random.default_rng(seed)
    graph = _draw_within_budget(config, in_channels, classes, dims, rng)
    network = SMSNet(
        graph,
        in_channels=in_channels,
        classes=classes,
        dims=dims,
        width=config.width,
        combine=config.combine,
    )
    network.initialize(torch.Generator().manual_seed(int(rng.integers(2**63))))
    return network


def count_parameters(
    graph: SparseGraph,
    *,
    in_channels: int,
    classes: int,
    dims: int,
    width: int,
    combine: str,
) -> int:
    """Trainable parameters of a network, without building it."""
    channels = _node_channels(graph, in_channels, width, combine)
    total = classes + sum(channels[1:])
    for edge in graph.edges:
        hidden = edge.target <= graph.nodes
        total += channels[edge.source] * (3**dims * width if hidden else classes)
    return total


def _draw_within_budget(
    config: SMSNetConfig,
    in_channels: int,
    classes: int,
    dims: int,
    rng: np.random.Generator,
) -> SparseGraph:
    counts = []
    law = config.law or GraphLaw(nodes=DEFAULT_NODES[dims])
    for _ in range(MAX_DRAWS):
        graph = random_graph(law, rng)
        if config.parameters is None:
            return graph
        count = count_parameters(
            graph,
            in_channels=in_channels,
            classes=classes,
            dims=dims,
            width=config.width,
            combine=config.combine,
        )
        if abs(count - config.parameters) <= BUDGET_TOLERANCE * config.parameters:
            return graph
        counts.append(count)
    raise InputError(
        f"No graph with about {config.parameters:,} parameters in {MAX_DRAWS} draws "
        f"(they had {min(counts):,} to {max(counts):,}): change the number of nodes, "
        "the width or the number of parameters."
    )


def _convolution(dims: int, inputs: int, outputs: int, dilation: int) -> nn.Module:
    if dims == 3:
        return DilatedConv3d(inputs, outputs, dilation)
    return nn.Conv2d(
        *(inputs, outputs), 3, padding=dilation, dilation=dilation, bias=False
    )


def _node_channels(
    graph: SparseGraph, in_channels: int, width: int, combine: str
) -> list[int]:
    """Channels of the input and of each hidden node."""
    copies = (
        1 if combine == "sum" else len(graph.into(node))
        for node in range(1, graph.nodes + 1)
    )
    return [in_channels, *(width * n for n in copies)]


def _name(edge: Edge) -> str:
    return f"{edge.source}_to_{edge.target}"


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
