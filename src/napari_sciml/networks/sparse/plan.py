"""Which edges of a sparse graph are one convolution, and where its channels go."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from napari_sciml.networks.layers.kernels import Taps, physical_taps
from napari_sciml.networks.sparse.graph import Edge, SparseGraph


class Piece(NamedTuple):
    """Output channels of a group that are channels of a target."""

    edge: Edge
    rows: slice
    channels: slice


@dataclass(frozen=True)
class Group:
    """Edges that are one convolution of ``inputs`` to ``outputs`` channels."""

    source: int
    taps: Taps
    inputs: int
    outputs: int
    pieces: tuple[Piece, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return (self.outputs, self.inputs, *self.taps.kernel)


@dataclass(frozen=True)
class Plan:
    """What is computed from what.

    Attributes
    ----------
    channels
        Of the input and of each hidden node.
    groups
        Convolutions between them, by source.
    readers
        Nodes that the output is a linear function of.
    """

    channels: tuple[int, ...]
    groups: tuple[Group, ...]
    readers: tuple[int, ...]

    def parameters(self, classes: int) -> int:
        """Trainable numbers of a network of this plan."""
        weights = sum(math.prod(group.shape) for group in self.groups)
        readout = sum(self.channels[node] for node in self.readers) + 1
        return weights + sum(self.channels[1:]) + classes * readout

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """Voxels an axis that the output depends on, on each side."""
        axes = len(self.groups[0].taps.reach)
        seen = [[0] * axes for _ in self.channels]
        for group in self.groups:  # by source, so what a source sees is final
            ways = zip(seen[group.source], group.taps.reach, strict=True)
            way = [a + b for a, b in ways]
            for piece in group.pieces:
                target = piece.edge.target
                seen[target] = [max(p) for p in zip(seen[target], way, strict=True)]
        read = [seen[node] for node in self.readers]
        return tuple(max(steps) for steps in zip(*read, strict=True))

    @property
    def margins(self) -> tuple[int, ...]:
        """Voxels of each node round a result, along the first axis, that it needs."""
        found = [0] * len(self.channels)
        for group in reversed(self.groups):  # so what targets need is final
            wanted = max(found[piece.edge.target] for piece in group.pieces)
            step = wanted + group.taps.reach[0]
            found[group.source] = max(found[group.source], step)
        return tuple(found)


def plan_graph(
    graph: SparseGraph,
    *,
    in_channels: int,
    width: int | Sequence[int],
    combine: Literal["sum", "concat"],
    dims: int,
    spacing: Sequence[float] | None = None,
) -> Plan:
    """Work out which edges are one convolution, and where its channels go."""
    hidden = [edge for edge in graph.edges if edge.target <= graph.nodes]
    widths = [width] * len(hidden) if isinstance(width, int) else list(width)
    channels = [in_channels] + [0] * graph.nodes
    members: dict[tuple[int, ...], list[tuple[Edge, slice]]] = {}
    for edge, new in zip(hidden, widths, strict=True):
        reach = physical_taps(dims, edge.dilation, spacing).reach
        before = channels[edge.target] if combine == "concat" else 0
        channels[edge.target] = before + new
        # Wide outputs of a sum gain nothing, and would need a second pass to add.
        key = reach if combine == "concat" else (*reach, edge.target)
        place = (edge, slice(before, before + new))
        members.setdefault((edge.source, *key), []).append(place)
    groups = tuple(
        _group(edges, channels[key[0]], Taps(key[1 : dims + 1]))
        for key, edges in sorted(members.items())
    )
    readers = tuple(edge.source for edge in graph.into(graph.output))
    return Plan(tuple(channels), groups, readers)


def _group(edges: list[tuple[Edge, slice]], inputs: int, taps: Taps) -> Group:
    pieces, end = [], 0
    for edge, channels in edges:
        start, end = end, end + channels.stop - channels.start
        pieces.append(Piece(edge, slice(start, end), channels))
    return Group(edges[0][0].source, taps, inputs, end, tuple(pieces))
