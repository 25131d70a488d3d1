from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from napari_sciml.errors import InputError
from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.sparse.graph import Edge, SparseGraph, random_graph

DRAWS = 800
UNLIKELY = 1e-3  # the seeds are fixed: a test that passes once passes always


def draw(seed=0, n=DRAWS, **law):
    rng = np.random.default_rng(seed)
    return [random_graph(GraphLaw(**law), rng) for _ in range(n)]


def hidden_targets(graph, source):
    return [
        e.target for e in graph.edges if e.source == source and e.target <= graph.nodes
    ]


def check_frequencies(values, expected):
    """Chi-square test; what has no probability must not occur at all."""
    counts = Counter(values)
    assert set(counts) <= {value for value, p in expected.items() if p > 0}
    if len(expected) > 1:
        observed = [counts[value] for value in expected]
        wanted = np.array(list(expected.values())) / sum(expected.values())
        assert stats.chisquare(observed, wanted * len(values)).pvalue > UNLIKELY


@pytest.mark.parametrize(
    ("gamma", "k_min", "k_max"),
    [(0, 1, None), (0, 2, 5), (2.0, 1, None), (1.0, 3, 6)],
)
def test_out_degree_follows_the_power_law_cut_at_the_end(gamma, k_min, k_max):
    graphs = draw(nodes=10, gamma=gamma, k_min=k_min, k_max=k_max)
    for source in (1, 5, 7, 9):
        left = 10 - source
        low, high = min(k_min, left), min(k_max or left, left)
        check_frequencies(
            [len(hidden_targets(graph, source)) for graph in graphs],
            {k: float(k) ** -gamma for k in range(low, high + 1)},
        )


@pytest.mark.parametrize("alpha", [0, 0.25, 1.5])
def test_skip_length_decays_exponentially(alpha):
    graphs = draw(nodes=9, alpha=alpha, k_min=1, k_max=1)
    for source in (1, 6):
        check_frequencies(
            [hidden_targets(graph, source)[0] - source for graph in graphs],
            {n: np.exp(-alpha * n) for n in range(1, 10 - source)},
        )


def test_several_targets_are_drawn_one_after_the_other_without_repetition():
    p = np.exp(-0.7 * np.arange(1, 6))
    p /= p.sum()
    after = p / (1 - p)
    expected = p * (1 + after.sum() - after)  # first, or second after another one
    graphs = draw(nodes=6, alpha=0.7, k_min=2, k_max=2)
    found = np.mean(
        [[j in hidden_targets(graph, 1) for j in range(2, 7)] for graph in graphs], 0
    )
    error = np.sqrt(expected * (1 - expected) / DRAWS)
    assert np.all(np.abs(found - expected) < 4 * error)


@pytest.mark.parametrize("p", [0.25, 0.7])
@pytest.mark.parametrize("side", ["p_input", "p_output"])
def test_links_to_input_and_output_are_independent_coins(p, side):
    """Where all hidden nodes are linked, only one link on each side is forced."""
    n = 9
    counts = []
    for graph in draw(nodes=n, k_min=n, **{side: p}):
        if side == "p_input":
            links = [e for e in graph.edges if e.source == 0 and 1 < e.target <= n]
        else:
            links = [
                e for e in graph.edges if e.target == graph.output and 0 < e.source < n
            ]
        counts.append(len(links))
    variance = (n - 1) * p * (1 - p)
    assert np.mean(counts) == pytest.approx(
        (n - 1) * p, abs=4 * (variance / DRAWS) ** 0.5
    )
    assert np.var(counts) == pytest.approx(variance, rel=4 * (2 / DRAWS) ** 0.5)


@pytest.mark.parametrize("p", [0, 1])
def test_certain_links(p):
    graph = draw(n=1, nodes=8, p_input=p, p_output=p, k_min=8)[0]
    assert len([e for e in graph.edges if e.source == 0]) == (9 if p else 2)
    assert len(graph.into(graph.output)) == (9 if p else 2)


@pytest.mark.parametrize("mode", ["edge", "node"])
def test_dilations_are_drawn_uniformly(mode):
    graphs = draw(nodes=5, dilations=(1, 3, 4, 8), dilation_mode=mode, n=400)
    drawn = [graph.into(5)[0].dilation for graph in graphs]
    check_frequencies(drawn, dict.fromkeys((1, 3, 4, 8), 0.25))


def test_dilation_modes():
    edge, node, cyclic = (
        draw(n=1, nodes=9, k_min=9, p_input=1, dilation_mode=mode)[0]
        for mode in ("edge", "node", "cyclic")
    )

    def used(graph, target):
        return {e.dilation for e in graph.into(target)}

    assert any(len(used(edge, t)) > 1 for t in range(1, 10))
    assert all(len(used(node, t)) == 1 for t in range(1, 10))
    assert len(set.union(*(used(node, t) for t in range(1, 10)))) > 1
    assert [used(cyclic, t) for t in range(1, 10)] == [
        {d} for d in (1, 2, 3, 4, 1, 2, 3, 4, 1)
    ]


@st.composite
def laws(draw):
    k_min = draw(st.integers(1, 5))
    chance = st.sampled_from([0.0, 0.25, 0.9, 1.0])
    return GraphLaw(
        nodes=draw(st.integers(1, 9)),
        alpha=draw(st.sampled_from([0, 0.25, 2, 1000])),
        gamma=draw(st.sampled_from([0, 0.5, 3])),
        k_min=k_min,
        k_max=draw(st.none() | st.integers(k_min, 12)),
        p_input=draw(chance),
        p_output=draw(chance),
        input_to_output=draw(st.booleans()),
        dilations=tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))),
        dilation_mode=draw(st.sampled_from(["edge", "node", "cyclic"])),
    )


@settings(deadline=None, max_examples=150)
@given(laws(), st.integers(0, 2**32 - 1))
def test_structure(law, seed):
    graph = random_graph(law, np.random.default_rng(seed))
    pairs = [(e.source, e.target) for e in graph.edges]
    hidden = set(range(1, law.nodes + 1))
    assert graph.nodes == law.nodes
    assert len(set(pairs)) == len(pairs)
    assert all(0 <= source < target <= graph.output for source, target in pairs)
    assert reached({0}, pairs) >= hidden | {graph.output}
    assert reached({graph.output}, [(t, s) for s, t in pairs]) >= hidden | {0}
    assert ((0, graph.output) in pairs) == law.input_to_output
    assert all(e.dilation in law.dilations for e in graph.edges if e.target in hidden)
    assert all(e.dilation == 1 for e in graph.into(graph.output))
    assert graph.radius == longest_path(graph, graph.output)
    for source in hidden - {law.nodes}:
        left = law.nodes - source
        degree = len(hidden_targets(graph, source))
        assert min(law.k_min, left) <= degree <= min(law.k_max or left, left)


def reached(start, pairs):
    found = set(start)
    for _ in pairs:
        found |= {target for source, target in pairs if source in found}
    return found


def longest_path(graph, node):
    """Try every path; the output reads its sources voxel by voxel."""
    return max(
        (
            longest_path(graph, e.source)
            + (e.dilation if e.target <= graph.nodes else 0)
            for e in graph.into(node)
        ),
        default=0,
    )


def test_one_node():
    graph = draw(n=1, nodes=1)[0]
    assert {(e.source, e.target) for e in graph.edges} == {(0, 1), (1, 2), (0, 2)}


def test_seeds():
    law = {"nodes": 12}
    assert draw(seed=3, n=5, **law) == draw(seed=3, n=5, **law)
    assert len({draw(seed=seed, n=1, **law)[0] for seed in range(30)}) == 30


@pytest.mark.parametrize(
    "bad",
    [
        {"k_min": 3, "k_max": 2},
        {"nodes": 0},
        {"dilations": ()},
        {"dilations": (0, 1)},
        {"dilations": (1, 1001)},
        {"p_input": 1.1},
        {"p_output": -0.1},
        {"alpha": -1},
        {"dilation_mode": "nodes"},
        {"unknown": 1},
    ],
)
def test_impossible_laws_are_refused(bad):
    with pytest.raises(ValidationError):
        GraphLaw(**bad)


CHAIN = (Edge(1, 0, 1), Edge(2, 1, 2), Edge(3, 2, 1))


@pytest.mark.parametrize(
    ("nodes", "edges", "match"),
    [
        (0, (Edge(1, 0, 1),), "1 to 2000 hidden nodes"),
        (10**9, CHAIN, "1 to 2000 hidden nodes"),
        (True, CHAIN, "1 to 2000 hidden nodes"),
        (2, (*CHAIN, Edge(1, 1, 1)), "from 1 to 1"),
        (2, (*CHAIN, Edge(1, 2, 1)), "from 2 to 1"),
        (2, (*CHAIN, Edge(4, 1, 1)), "from 1 to 4"),
        (2, (*CHAIN, Edge(2, -1, 1)), "from -1 to 2"),
        (2, (*CHAIN, Edge(2, 0, 0)), "dilation 0"),
        (2, (*CHAIN, Edge(2, 0, 10**6)), "dilation 1000000"),
        (2, (*CHAIN, Edge(2, 0, 1.5)), "dilation 1.5"),
        (2, (*CHAIN, Edge("2", 0, 1)), "from 0 to '2'"),
        (2, CHAIN[:2], "Node 2 .*not linked on both sides"),
        (2, CHAIN[1:], "Node 1 .*not linked on both sides"),
        (2, (), "Node 1 .*not linked on both sides"),
    ],
)
def test_damaged_graphs_are_refused(nodes, edges, match):
    with pytest.raises(InputError, match=match):
        SparseGraph(nodes, edges)


def test_radius_does_not_depend_on_the_order_of_edges():
    assert SparseGraph(2, CHAIN).radius == SparseGraph(2, CHAIN[::-1]).radius == 3
