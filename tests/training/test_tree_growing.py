"""Trees without checks: scikit-learn, which makes them all, grows the same ones."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import ExtraTreeClassifier

from napari_sciml.training.tree_growing import grow_trees

FEATURES = 40
RULE = {"trees": 8, "leaf": 3, "bag": 0.5}


def sample(classes=(0, 1), rows=300, seed=0):
    rng = np.random.default_rng(seed)
    given = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    own = np.asarray(classes)[rng.integers(len(classes), size=rows)]
    given[:, 0] += own
    return given, own, rng.integers(1, 4, rows).astype(float)


@pytest.mark.parametrize("classes", [(0, 1), (0, 2, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_one_tree_is_that_of_scikit_learn(classes, seed):
    given, own, weights = sample(classes, seed=seed)
    grown = grow_trees(given, own, weights, **RULE, seed=seed)
    draws = np.random.RandomState(seed)
    for tree in grown.trees:
        number = draws.randint(np.iinfo(np.int32).max)
        bag = np.random.RandomState(number).choice(
            len(own), int(0.5 * weights.sum()), p=weights / weights.sum()
        )
        counts = np.bincount(bag, minlength=len(own))
        like = ExtraTreeClassifier(
            min_samples_leaf=3, max_features="sqrt", random_state=number
        )
        like.fit(given, own, sample_weight=counts)
        for name in ("feature", "threshold", "children_left", "value"):
            np.testing.assert_array_equal(
                getattr(tree, name), getattr(like.tree_, name)
            )


def test_where_the_insides_of_scikit_learn_have_changed_its_front_door_gives_the_same(
    monkeypatch,
):
    given, own, weights = sample()
    quick = grow_trees(given, own, weights, **RULE, seed=4)

    def changed(*settings):
        raise TypeError("it takes other arguments now")

    monkeypatch.setattr("sklearn.tree._tree.DepthFirstTreeBuilder", changed)
    usual = grow_trees(given, own, weights, **RULE, seed=4)
    for one, other in zip(quick.trees, usual.trees, strict=True):
        np.testing.assert_array_equal(one.threshold, other.threshold)
        np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(quick.out_of_bag, usual.out_of_bag)


def test_the_forest_is_that_of_scikit_learn():
    """Of versions that draw bags by weight (1.8 and later)."""
    given, own, weights = sample()
    grown = grow_trees(given, own, weights, **RULE, seed=5)
    like = ExtraTreesClassifier(
        RULE["trees"],
        min_samples_leaf=RULE["leaf"],
        bootstrap=True,
        max_samples=RULE["bag"],
        oob_score=True,
        random_state=5,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        like.fit(given, own, sample_weight=weights)
    if not hasattr(like, "_n_samples_bootstrap") or (
        like._n_samples_bootstrap != int(0.5 * weights.sum())
    ):
        pytest.skip("this scikit-learn draws bags in another way")
    for tree, theirs in zip(grown.trees, like.estimators_, strict=True):
        np.testing.assert_array_equal(tree.threshold, theirs.tree_.threshold)
        np.testing.assert_array_equal(tree.value, theirs.tree_.value)
    known = np.isfinite(like.oob_decision_function_).all(1)
    np.testing.assert_array_equal(
        grown.out_of_bag[known], like.oob_decision_function_[known]
    )


def test_rows_of_every_bag_have_no_answer():
    given, own, _ = sample(rows=12)
    weights = np.ones(12)
    weights[3] = 1000.0
    grown = grow_trees(given, own, weights, **RULE, seed=0)
    assert not grown.out_of_bag[3].any()


def test_trees_tell_classes_that_were_seen():
    given, own, weights = sample((1, 3))
    grown = grow_trees(given, own, weights, trees=40, leaf=3, bag=0.5, seed=0)
    assert grown.classes.tolist() == [1, 3]
    told = grown.classes[grown.out_of_bag.argmax(1)]
    assert (told == own).mean() > 0.6
