"""Grow extremely randomized trees without what scikit-learn checks for each of them.

With some hundred labeled voxels, `sklearn.ensemble.ExtraTreesClassifier` spends three
quarters of its time on copies and checks of settings, tree by tree, and one stroke
grows more than a hundred trees. The trees here are the same, from the same seed.

References
----------
Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006) 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_INT = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Grown:
    """Trees, and what they say about rows that they were not grown from.

    Attributes
    ----------
    trees
        `sklearn.tree._tree.Tree` objects.
    classes
        Class indices that were seen, ascending: the columns of the trees' values.
    out_of_bag
        ``(n, class that was seen)`` mean probabilities by trees without the row; zeros
        where every tree has it.
    """

    trees: Sequence[Any]
    classes: np.ndarray
    out_of_bag: np.ndarray


def grow_trees(
    rows: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    *,
    trees: int,
    leaf: int,
    bag: float,
    seed: int,
) -> Grown:
    """Grow trees, each from a bag of its own.

    Parameters
    ----------
    rows
        ``(n, features)`` float32, C order, finite.
    classes
        ``(n,)`` class indices.
    weights
        ``(n,)``: how likely a row is drawn.
    trees
        Their number.
    leaf
        Least rows of a leaf.
    bag
        Draws for a tree, as a part of the sum of the weights; at least one.
    seed
        Of everything that is drawn.
    """
    seen, own = np.unique(classes, return_inverse=True)
    own = np.ascontiguousarray(own.reshape(-1, 1), np.float64)
    likely, size = weights / weights.sum(), max(int(bag * weights.sum()), 1)
    draws = np.random.RandomState(seed)
    grown, votes = [], np.zeros((len(rows), len(seen)))
    asked = np.zeros((len(rows), 1), np.intp)
    for _ in range(trees):
        own_seed = draws.randint(MAX_INT)
        drawn = np.random.RandomState(own_seed).choice(len(rows), size, p=likely)
        counts = np.bincount(drawn, minlength=len(rows))
        grown.append(_tree(rows, own, counts, len(seen), leaf, own_seed))
        left = np.flatnonzero(counts == 0)
        votes[left] += grown[-1].predict(rows[left])
        asked[left] += 1
    return Grown(grown, seen, votes / np.maximum(asked, 1))


def _tree(
    rows: np.ndarray,
    own: np.ndarray,
    counts: np.ndarray,
    classes: int,
    leaf: int,
    seed: int,
) -> Any:
    """What `ExtraTreeClassifier(min_samples_leaf=leaf)` makes of checked arrays."""
    try:
        return _quick_tree(rows, own, counts, classes, leaf, seed)
    except (ImportError, TypeError, AttributeError):  # of another version of sklearn
        return _usual_tree(rows, own, counts, leaf, seed)


def _usual_tree(
    rows: np.ndarray, own: np.ndarray, counts: np.ndarray, leaf: int, seed: int
) -> Any:
    import sklearn
    from sklearn.tree import ExtraTreeClassifier

    grower = ExtraTreeClassifier(min_samples_leaf=leaf, random_state=seed)
    with sklearn.config_context(skip_parameter_validation=True):
        grower.fit(rows, own, counts.astype(np.float64), check_input=False)
    return grower.tree_


def _quick_tree(
    rows: np.ndarray,
    own: np.ndarray,
    counts: np.ndarray,
    classes: int,
    leaf: int,
    seed: int,
) -> Any:
    """The same in half the time, by what scikit-learn does not promise to keep."""
    from sklearn.tree._criterion import Gini
    from sklearn.tree._splitter import RandomSplitter
    from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

    features, sizes = rows.shape[1], np.array([classes], np.intp)
    splitter = RandomSplitter(
        Gini(1, sizes),
        max(1, int(np.sqrt(features))),
        leaf,
        0.0,
        np.random.RandomState(seed),
        None,
    )
    tree = Tree(features, sizes, 1)
    builder = DepthFirstTreeBuilder(splitter, 2 * leaf, leaf, 0.0, MAX_INT, 0.0)
    builder.build(tree, rows, own, counts.astype(np.float64))
    return tree
