"""Random directed graphs for sparse mixed-scale networks.

The law is that of the DLSIA paper (Roberts et al., J. Appl. Cryst. 57, 2024,
section on SMSNets): out-degrees follow P(k) ~ k^-gamma on [k_min, k_max], the
length of a connection follows P(i -> j) ~ exp(-alpha |i - j|), and nodes are
linked to the input and the output with the probabilities P_IL and P_LO.
"""

from dataclasses import dataclass

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.networks.config import MAX_DILATION, GraphLaw

MAX_NODES = 2000


@dataclass(frozen=True, order=True)
class Edge:
    """A connection: ``source`` is read with ``dilation`` to make ``target``."""

    target: int
    source: int
    dilation: int


@dataclass(frozen=True)
class SparseGraph:
    """Node 0 is the input, 1 … ``nodes`` are hidden, ``nodes + 1`` is the output.

    Every edge runs from a smaller to a larger number, every hidden node can be
    reached from the input and reaches the output.

    Raises
    ------
    InputError
        When that does not hold, or a number is absurd.
    """

    nodes: int
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        if type(self.nodes) is not int or not 1 <= self.nodes <= MAX_NODES:
            raise InputError(
                f"A graph has 1 to {MAX_NODES} hidden nodes, not {self.nodes!r}."
            )
        for edge in self.edges:
            self._check(edge)
        # As every edge points forward, no dead end is left on the way either.
        fed = {edge.target for edge in self.edges}
        feeding = {edge.source for edge in self.edges}
        for node in range(1, self.output):
            if node not in fed or node not in feeding:
                raise InputError(
                    f"Node {node} of a graph is not linked on both sides: give it an "
                    "edge that ends and one that starts there."
                )

    def _check(self, edge: Edge) -> None:
        numbers = (edge.source, edge.target, edge.dilation)
        if any(type(number) is not int for number in numbers) or not (
            0 <= edge.source < edge.target <= self.output
            and 1 <= edge.dilation <= MAX_DILATION
        ):
            raise InputError(
                f"A graph of {self.nodes} hidden nodes cannot have an edge from "
                f"{edge.source!r} to {edge.target!r} with dilation "
                f"{edge.dilation!r}."
            )

    @property
    def output(self) -> int:
        """Number of the output node."""
        return self.nodes + 1

    def into(self, target: int) -> tuple[Edge, ...]:
        """Edges that end in a node."""
        return tuple(edge for edge in self.edges if edge.target == target)

    @property
    def radius(self) -> int:
        """Voxels that an output voxel sees on each side (3-tap kernels)."""
        reach = [0] * (self.nodes + 2)
        for edge in sorted(self.edges):  # by target, so sources are final
            step = 0 if edge.target == self.output else edge.dilation
            reach[edge.target] = max(reach[edge.target], reach[edge.source] + step)
        return reach[self.output]


def random_graph(law: GraphLaw, rng: np.random.Generator) -> SparseGraph:
    """Draw a graph.

    Near the end a node has fewer possible targets than the law asks for; its
    degree law is then cut at the number that there are. No edge and no node is
    dropped: a hidden node without an incoming edge is linked to the input, one
    without an outgoing edge to the output.
    """
    pairs = [
        (source, target)
        for source in range(1, law.nodes)
        for target in _draw_targets(source, law, rng)
    ]
    pairs += _boundary_links(pairs, law, rng)
    dilation_of_node = {
        node: _dilation_of_node(node, law, rng) for node in range(1, law.nodes + 1)
    }
    edges = []
    for source, target in sorted(pairs, key=lambda pair: (pair[1], pair[0])):
        if target == law.nodes + 1:
            dilation = 1
        elif law.dilation_mode == "edge":
            dilation = int(rng.choice(law.dilations))
        else:
            dilation = dilation_of_node[target]
        edges.append(Edge(target, source, dilation))
    return SparseGraph(law.nodes, tuple(edges))


def _draw_targets(source: int, law: GraphLaw, rng: np.random.Generator) -> list[int]:
    """Later hidden nodes that a hidden node feeds, without repetition."""
    targets = np.arange(source + 1, law.nodes + 1)
    low = min(law.k_min, len(targets))
    high = min(law.k_max or len(targets), len(targets))
    degrees = np.arange(low, high + 1)
    degree = rng.choice(degrees, p=_normalized(degrees ** -float(law.gamma)))
    # Subtracting the shortest length keeps exp() from underflowing to zero.
    lengths = targets - source - 1
    weights = np.maximum(np.exp(-law.alpha * lengths), np.finfo(float).tiny)
    chosen = rng.choice(targets, size=degree, replace=False, p=_normalized(weights))
    return [int(target) for target in chosen]


def _boundary_links(
    pairs: list[tuple[int, int]], law: GraphLaw, rng: np.random.Generator
) -> list[tuple[int, int]]:
    fed = {target for _, target in pairs}
    feeding = {source for source, _ in pairs}
    output = law.nodes + 1
    links = [(0, output)] if law.input_to_output else []
    for node in range(1, law.nodes + 1):
        if node not in fed or rng.random() < law.p_input:
            links.append((0, node))
        if node not in feeding or rng.random() < law.p_output:
            links.append((node, output))
    return links


def _dilation_of_node(node: int, law: GraphLaw, rng: np.random.Generator) -> int:
    if law.dilation_mode == "cyclic":
        return law.dilations[(node - 1) % len(law.dilations)]
    return int(rng.choice(law.dilations))


def _normalized(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()
