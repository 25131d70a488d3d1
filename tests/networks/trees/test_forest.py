"""Trees as arrays: scikit-learn is the oracle, and nothing damaged is followed."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier

from napari_sciml.errors import InputError
from napari_sciml.networks.trees.forest import LEAF, Forest

FEATURES = 5


def fitted(classes=(0, 1), seed=0, trees=8, rows=300):
    rng = np.random.default_rng(seed)
    given = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    own = np.asarray(classes)[rng.integers(len(classes), size=rows)]
    grower = ExtraTreesClassifier(trees, min_samples_leaf=3, random_state=seed)
    return grower.fit(given, own, sample_weight=rng.random(rows) + 0.1)


def fresh(rows=400, seed=9):
    return np.random.default_rng(seed).normal(size=(rows, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("classes", [(0, 1), (0, 1, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_probabilities_are_those_of_scikit_learn(classes, seed):
    grower = fitted(classes, seed)
    forest = Forest.from_fitted(grower, len(classes))
    found = forest.probabilities(fresh(), range(len(forest.nodes)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, grower.predict_proba(fresh()), atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 7), st.integers(1, 8), st.integers(1, 50))
def test_a_part_of_the_trees(start, count, rows):
    grower = fitted()
    forest, some = Forest.from_fitted(grower, 2), range(start, min(8, start + count))
    parts = [grower.estimators_[i].predict_proba(fresh(rows)) for i in some]
    found = forest.probabilities(fresh(rows), some)
    np.testing.assert_allclose(found, np.mean(parts, axis=0), atol=1e-6)


@pytest.mark.parametrize("seen", [(0, 2), (1, 3), (2,), (0, 1, 3)])
def test_a_class_that_was_never_seen_gets_nothing(seen):
    forest = Forest.from_fitted(fitted(seen), 4)
    found = forest.probabilities(fresh(), range(8))
    missing = [c for c in range(4) if c not in seen]
    assert not found[:, missing].any()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_no_rows():
    found = Forest.from_fitted(fitted(), 2).probabilities(fresh(0), range(8))
    assert found.shape == (0, 2)


def copied(forest):
    description = json.loads(json.dumps(forest.description()))
    made = Forest.from_description(description)
    made.load_state_dict(forest.state_dict())
    return made


def test_stored_as_json_and_arrays():
    forest = Forest.from_fitted(fitted((0, 1, 2)), 3)
    copy = copied(forest)
    assert copy.description() == forest.description()
    expected = forest.probabilities(fresh(), range(8))
    assert np.array_equal(copy.probabilities(fresh(), range(8)), expected)
    assert torch.equal(copy.threshold, forest.threshold), "in double precision"


def test_other_arrays_are_other_trees():
    """Also where the first ones were asked already."""
    forest = Forest.from_fitted(fitted(seed=0), 2)
    copy = copied(forest)
    copy.probabilities(fresh(), range(8))
    state = {k: v.clone() for k, v in forest.state_dict().items()}
    state["value"] = state["value"].flip(1)
    copy.load_state_dict(state)
    expected = forest.probabilities(fresh(), range(8))[:, ::-1]
    np.testing.assert_allclose(copy.probabilities(fresh(), range(8)), expected)


def inner_node(forest):
    return int(torch.nonzero(forest.left != LEAF)[1])


def leaf(forest):
    return int(torch.nonzero(forest.left == LEAF)[0])


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("left", inner_node, 10_000),
        ("right", inner_node, 10_000),
        ("left", inner_node, -7),
        ("right", inner_node, LEAF),
        ("left", leaf, 0),
        ("right", leaf, 3),
        ("left", inner_node, 0),  # round and round
        ("right", inner_node, 1),
        ("feature", inner_node, FEATURES),
        ("feature", leaf, -1),
        ("feature", inner_node, 2**30),
        ("threshold", inner_node, float("nan")),
        ("threshold", inner_node, float("inf")),
        ("value", leaf, float("nan")),
        ("value", leaf, -0.5),
        ("value", leaf, 3.0),
        ("value", leaf, 0.0),
    ],
)
def test_damaged_trees_are_refused(name, where, value):
    forest = Forest.from_fitted(fitted(), 2)
    forest.check()
    getattr(forest, name)[where(forest)] = value
    with pytest.raises(InputError, match="damaged") as caught:
        forest.check()
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="damaged"):
        forest.probabilities(fresh(), range(8))


def test_a_child_in_the_next_tree_is_refused():
    forest = Forest.from_fitted(fitted(), 2)
    forest.left[0] = forest.nodes[0]
    with pytest.raises(InputError, match="damaged"):
        forest.check()


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["left", "right", "feature"]),
    st.integers(0, 10**6),
    st.integers(-(2**31), 2**31 - 1),
)
def test_whatever_is_not_refused_gives_an_answer(name, node, value):
    """Never an endless loop or a read outside of the arrays, whatever they hold."""
    forest = Forest.from_fitted(fitted(trees=2, rows=40), 2)
    array = getattr(forest, name)
    array[node % len(array)] = value
    try:
        found = forest.probabilities(fresh(20), range(2))
    except InputError:
        return
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("nodes", "features", "classes"),
    [
        ([], 3, 2),
        ([0], 3, 2),
        ([3, -1], 3, 2),
        ([3], 0, 2),
        ([3], 3, 0),
        ([10**9], 3, 2),
        ([10**6] * 100, 3, 2),
    ],
)
def test_sizes_that_make_no_sense(nodes, features, classes):
    with pytest.raises(InputError, match="damaged"):
        Forest(nodes, features=features, classes=classes)


def test_untrained_trees_are_refused():
    with pytest.raises(InputError, match="damaged"):
        Forest([1, 1], features=3, classes=2).check()
