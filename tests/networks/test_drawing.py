import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Arc

from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.sparse.drawing import draw_graph
from napari_sciml.networks.sparse.graph import Edge, SparseGraph, random_graph

LONG = (
    "a title that is much too long for a small picture of a small graph of nodes " * 2
)


def graph_of(nodes, dilations=(1, 2, 3, 4), seed=1):
    law = GraphLaw(nodes=nodes, k_max=8, dilations=dilations)
    return random_graph(law, np.random.default_rng(seed))


def arcs(figure):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Arc)]


@pytest.mark.parametrize("nodes", [1, 4, 25])
def test_every_connection_is_an_arc_between_its_nodes(nodes):
    graph = graph_of(nodes)
    ends = sorted(
        (arc.center[0] - arc.width / 2, arc.center[0] + arc.width / 2)
        for arc in arcs(draw_graph(graph))
    )
    assert ends == sorted((edge.source, edge.target) for edge in graph.edges)


@pytest.mark.parametrize("dilations", [(1, 2, 3, 4), tuple(range(1, 13))])
def test_color_tells_the_dilation(dilations):
    graph = graph_of(25, dilations)
    figure = draw_graph(graph)
    (legend,) = figure.legends
    named = {
        text.get_text(): to_hex(line.get_color())
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    assert len(set(named.values())) == len(named) == len(dilations) + 1
    drawn = {
        (arc.center[0] - arc.width / 2, arc.center[0] + arc.width / 2): arc
        for arc in arcs(figure)
    }
    for edge in graph.edges:
        color = to_hex(drawn[edge.source, edge.target].get_edgecolor())
        last = edge.target == graph.output
        name = "to the output, 1 voxel" if last else f"dilation {edge.dilation}"
        assert color == named[name]


@pytest.mark.parametrize("title", [None, LONG])
@pytest.mark.parametrize("nodes", [1, 8, 40])
def test_nothing_is_clipped(nodes, title):
    figure = draw_graph(graph_of(nodes), title=title)
    figure.canvas.draw()
    box = figure.bbox
    axes = figure.axes[0]
    for item in (figure._suptitle, *axes.texts, *figure.legends):
        inside = item.get_window_extent()
        assert min(inside.x0, inside.y0) >= 0, item
        assert inside.x1 <= box.x1 + 1, item
        assert inside.y1 <= box.y1 + 1, item
    low, high = axes.get_ylim()
    sides = [arc.height / 2 * (-1 if arc.theta1 else 1) for arc in arcs(figure)]
    assert low < min(sides) <= max(sides) < high


def test_a_node_number_fits_between_its_neighbors():
    figure = draw_graph(graph_of(40))
    figure.canvas.draw()
    boxes = sorted(
        (text.get_window_extent() for text in figure.axes[0].texts),
        key=lambda box: box.x0,
    )
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_a_graph_without_hidden_connections():
    graph = SparseGraph(1, (Edge(1, 0, 3), Edge(2, 1, 1)))
    figure = draw_graph(graph)
    assert len(arcs(figure)) == 2
    assert figure.get_suptitle() == "1 hidden node, 2 connections"


def test_pyplot_is_not_touched():
    """Checked in a process of its own: other tests may use pyplot."""
    code = (
        "import sys; from napari_sciml.networks.sparse.drawing import draw_graph; "
        "from napari_sciml.networks.sparse.graph import Edge, SparseGraph; "
        "assert 'matplotlib' not in sys.modules; "
        "draw_graph(SparseGraph(1, (Edge(1, 0, 3), Edge(2, 1, 1)))); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
