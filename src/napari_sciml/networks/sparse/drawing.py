"""A picture of the graph of a sparse mixed-scale network."""

import math
import textwrap
from typing import TYPE_CHECKING, Any

from napari_sciml.networks.sparse.graph import Edge, SparseGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's "bright" scheme: told apart by color-blind readers too, on white.
_COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
_POINTWISE = "#999999"
_INK = "#333333"
_DPI = 150
_FLATTEST_ABOVE = 0.75
_FLATTEST_BELOW = 0.6


def draw_graph(graph: SparseGraph, *, title: str | None = None) -> "Figure":
    """Draw the nodes on a line and their connections as arcs.

    Above the line are the connections between hidden nodes; below it those from
    the input and to the output.

    Parameters
    ----------
    graph
        Graph of a network; 4 to 40 nodes are easy to read.
    title
        Written above; none = the number of nodes and connections.

    Returns
    -------
    Figure
        To save or to show; not registered with pyplot.
    """
    from matplotlib.figure import Figure

    width = min(14.0, max(5.0, 1.6 + 0.55 * graph.nodes))
    colors = _dilation_colors(graph)
    legend = _legend_lines(graph, colors)
    heading = textwrap.fill(title or _count(graph), int(10 * width))
    rows = math.ceil(len(legend) / int(width / 1.45))
    up, down = (_tallest(graph, above) + 0.5 for above in (True, False))
    height = (up + down) * width / (graph.output + 2) + 0.3 + 0.2 * rows
    height += 0.2 * (1 + heading.count("\n"))
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    axes = figure.add_subplot()
    # Long arcs first, so that short ones are not buried under them.
    for edge in sorted(graph.edges, key=lambda e: e.source - e.target):
        _draw_arc(axes, graph, edge, colors)
    _draw_nodes(axes, graph, width)
    axes.set(xlim=(-1, graph.output + 1), ylim=(-down, up), aspect="equal")
    axes.set_axis_off()
    figure.legend(
        handles=legend,
        loc="outside lower center",
        ncols=math.ceil(len(legend) / rows),
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
    )
    figure.suptitle(heading, x=0.02, ha="left", fontsize=11, color=_INK)
    return figure


def _count(graph: SparseGraph) -> str:
    edges = f"{len(graph.edges)} connection{'s' * (len(graph.edges) != 1)}"
    nodes = f"{graph.nodes} hidden node{'s' * (graph.nodes != 1)}"
    return f"{nodes}, {edges}"


def _is_hidden(graph: SparseGraph, edge: Edge) -> bool:
    return edge.source > 0 and edge.target < graph.output


def _dilation_colors(graph: SparseGraph) -> dict[int, Any]:
    """Color of each dilation that a 3-tap convolution has."""
    from matplotlib import colormaps

    dilations = sorted({e.dilation for e in graph.edges if e.target < graph.output})
    if len(dilations) <= len(_COLORS):
        return dict(zip(dilations, _COLORS, strict=False))
    scale = colormaps["viridis"]
    # The yellow end cannot be seen on white.
    return {d: scale(0.9 * i / (len(dilations) - 1)) for i, d in enumerate(dilations)}


def _draw_arc(
    axes: "Axes", graph: SparseGraph, edge: Edge, colors: dict[int, Any]
) -> None:
    from matplotlib.patches import Arc

    above = _is_hidden(graph, edge)
    pointwise = edge.target == graph.output
    axes.add_patch(
        Arc(
            ((edge.source + edge.target) / 2, 0),
            edge.target - edge.source,
            _height(graph, edge),
            theta1=0 if above else 180,
            theta2=180 if above else 360,
            color=_POINTWISE if pointwise else colors[edge.dilation],
            lw=_line_width(graph),
            ls=(0, (4, 2)) if pointwise else "-",
            zorder=1,
        )
    )


def _height(graph: SparseGraph, edge: Edge) -> float:
    """Full height of an arc: a circle's, flattened for the longest ones."""
    length = edge.target - edge.source
    flattest = _FLATTEST_ABOVE if _is_hidden(graph, edge) else _FLATTEST_BELOW
    return length * (1 - (1 - flattest) * length / graph.output)


def _line_width(graph: SparseGraph) -> float:
    return max(0.8, min(2.0, 2.4 - 0.05 * graph.nodes))


def _draw_nodes(axes: "Axes", graph: SparseGraph, width: float) -> None:
    """Circles with numbers inside; squares for the input and the output."""
    inch = width / (graph.output + 2)  # between two nodes
    size = min(0.34, 0.72 * inch) * 72  # points
    hidden = range(1, graph.output)
    style: dict[str, Any] = {"s": size**2, "ec": _INK, "lw": 1.0, "zorder": 3}
    axes.scatter(hidden, [0] * graph.nodes, color="white", **style)
    axes.scatter([0, graph.output], [0, 0], marker="s", color="#dddddd", **style)
    text: dict[str, Any] = {"ha": "center", "va": "center", "color": _INK, "zorder": 4}
    labels = {0: "in", **{n: str(n) for n in hidden}, graph.output: "out"}
    for node, label in labels.items():
        axes.text(node, 0, label, fontsize=min(9.0, 0.44 * size), **text)


def _tallest(graph: SparseGraph, above: bool) -> float:
    """How far arcs go up, or down."""
    heights = (
        _height(graph, edge) / 2
        for edge in graph.edges
        if _is_hidden(graph, edge) is above
    )
    return max(heights, default=0.0)


def _legend_lines(graph: SparseGraph, colors: dict[int, Any]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=color, lw=2, label=f"dilation {dilation}")
        for dilation, color in colors.items()
    ]
    if any(edge.target == graph.output for edge in graph.edges):
        dashed: dict[str, Any] = {"color": _POINTWISE, "lw": 2, "ls": (0, (4, 2))}
        handles.append(Line2D([], [], label="to the output, 1 voxel", **dashed))
    return handles
