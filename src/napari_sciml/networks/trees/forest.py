"""Decision trees as arrays: stored without pickle, evaluated by scikit-learn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier

LEAF = -1
"""Child of a node that has none."""
MOST_NODES = 50_000_000
DAMAGED = "The trees of the model are damaged: copy the model again, or train it anew."


class Forest(nn.Module):
    """Randomized decision trees for class probabilities.

    Parameters
    ----------
    nodes
        Number of nodes of each tree.
    features
        Numbers in a row.
    classes
        Class probabilities that come out.

    Raises
    ------
    InputError
        When the numbers make no sense.
    """

    def __init__(self, nodes: Sequence[int], *, features: int, classes: int) -> None:
        super().__init__()
        sizes = [int(n) for n in nodes]
        wrong = not sizes or min(sizes) < 1 or min(features, classes) < 1
        if wrong or sum(sizes) * classes > MOST_NODES:
            raise InputError(DAMAGED)
        self.nodes, self.features, self.classes = tuple(sizes), features, classes
        total = sum(sizes)
        self.register_buffer("feature", torch.zeros(total, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(total, dtype=torch.float64))
        self.register_buffer("left", torch.full((total,), LEAF, dtype=torch.int32))
        self.register_buffer("right", torch.full((total,), LEAF, dtype=torch.int32))
        self.register_buffer("value", torch.zeros(total, classes))
        self._built: list[Any] = []

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    @classmethod
    def from_fitted(cls, fitted: "ExtraTreesClassifier", classes: int) -> "Forest":
        """Take over trees that scikit-learn has grown.

        Parameters
        ----------
        fitted
            Grown on class indices; classes that it never saw get probability 0.
        classes
            Of the model.
        """
        trees = [estimator.tree_ for estimator in fitted.estimators_]
        return cls.from_trees(trees, fitted.classes_, classes)

    @classmethod
    def from_trees(
        cls, trees: Sequence[Any], seen: Sequence[int] | np.ndarray, classes: int
    ) -> "Forest":
        """Take over single trees of scikit-learn, `sklearn.tree._tree.Tree`.

        Parameters
        ----------
        trees
            All were grown on the same features.
        seen
            Class indices that the columns of their values stand for.
        classes
            Of the model.
        """
        made = cls(
            [tree.node_count for tree in trees],
            features=int(trees[0].n_features),
            classes=classes,
        )
        value = np.zeros((len(made.value), classes), np.float32)
        value[:, np.asarray(seen, np.intp)] = np.concatenate(
            [tree.value[:, 0] for tree in trees]
        )
        value /= value.sum(1, keepdims=True)
        parts = {
            "feature": [np.maximum(tree.feature, 0) for tree in trees],
            "threshold": [tree.threshold for tree in trees],
            "left": [tree.children_left for tree in trees],
            "right": [tree.children_right for tree in trees],
        }
        for name, arrays in parts.items():
            getattr(made, name).copy_(torch.from_numpy(np.concatenate(arrays)))
        made.value.copy_(torch.from_numpy(value))
        return made

    def probabilities(self, rows: np.ndarray, trees: range) -> np.ndarray:
        """Mean probabilities ``(n, class)`` of some of the trees.

        Parameters
        ----------
        rows
            ``(n, features)`` float32, C order.
        trees
            Numbers of the trees.

        Raises
        ------
        InputError
            When the arrays are no trees.
        """
        built = self._trees()
        total = np.zeros((len(rows), self.classes), np.float32)
        for number in trees:
            tree, value = built[number]
            total += value[tree.apply(rows)]
        total /= max(1, len(trees))
        return total

    def leaves(self, rows: np.ndarray) -> np.ndarray:
        """Number of the leaf ``(n, tree)`` that each row ends in, tree by tree.

        Parameters
        ----------
        rows
            ``(n, features)`` float32, C order.

        Raises
        ------
        InputError
            When the arrays are no trees.
        """
        return np.stack([tree.apply(rows) for tree, _ in self._trees()], axis=1)

    def description(self) -> dict[str, Any]:
        """What the constructor needs to make room for the same trees, JSON-able."""
        return {
            "nodes": list(self.nodes),
            "features": self.features,
            "classes": self.classes,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "Forest":
        """Make room for trees whose arrays come separately."""
        return cls(
            description["nodes"],
            features=int(description["features"]),
            classes=int(description["classes"]),
        )

    def check(self) -> None:
        """Make sure that these are trees.

        Raises
        ------
        InputError
            When they are not: scikit-learn would follow any number anywhere.
        """
        start = 0
        for count in self.nodes:
            part = slice(start, start + count)
            left, right = self.left[part].long(), self.right[part].long()
            inner = left != LEAF
            own = torch.arange(count, device=left.device)
            ordered = (left > own) & (right > own) & (left < count) & (right < count)
            if not bool(torch.where(inner, ordered, right == LEAF).all()):
                raise InputError(DAMAGED)
            start += count
        known = (self.feature >= 0) & (self.feature < self.features)
        shares = (self.value >= 0).all() and (self.value.sum(1) - 1).abs().max() < 1e-3
        if not bool(known.all() and self.threshold.isfinite().all() and shares):
            raise InputError(DAMAGED)

    def _trees(self) -> list[Any]:
        """The trees as scikit-learn evaluates them, and the values of their nodes."""
        if not self._built:
            self.check()
            self._built = self._build()
        return self._built

    def _build(self) -> list[Any]:
        from sklearn.tree._tree import NODE_DTYPE, Tree

        built, start = [], 0
        for count in self.nodes:
            part = slice(start, start + count)
            nodes = np.zeros(count, NODE_DTYPE)
            for name, values in (
                ("left_child", self.left),
                ("right_child", self.right),
                ("feature", self.feature),
                ("threshold", self.threshold),
            ):
                nodes[name] = values[part].cpu().numpy()
            # Only the leaf that a row ends in is asked for.
            tree = Tree(self.features, np.ones(1, np.intp), 1)
            nothing = np.zeros((count, 1, 1))
            tree.__setstate__(
                {
                    "max_depth": count,
                    "node_count": count,
                    "nodes": nodes,
                    "values": nothing,
                }
            )
            built.append((tree, self.value[part].cpu().numpy()))
            start += count
        return built

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._built = []
        super()._load_from_state_dict(*args, **kwargs)
