"""What trees learned from: labeled voxels as the trees saw them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Examples:
    """Labeled voxels of images that need not be at hand any more.

    Attributes
    ----------
    rows
        ``(n, channel)`` float32, of the filter bank.
    context
        ``(n, k)`` float32: what the first stage said around each, to trees that had
        not seen it.
    classes
        ``(n,)`` class index.
    weights
        ``(n,)`` float32: how much each counts.
    """

    rows: np.ndarray
    context: np.ndarray
    classes: np.ndarray
    weights: np.ndarray

    def __deepcopy__(self, memo: object) -> "Examples":
        return self  # it never changes, and models are copied often

    def __len__(self) -> int:
        return len(self.classes)

    def named(self, theirs: Sequence[str], ours: Sequence[str]) -> "Examples":
        """Give those of classes that are known here, by their names.

        What the first stage said is a share of each class: among other classes nothing
        of it is left.

        Parameters
        ----------
        theirs, ours
            Names of the classes that `classes` are, and are to be.
        """
        if tuple(theirs) == tuple(ours):
            return self
        index = {name: number for number, name in enumerate(ours)}
        classes = np.array([index.get(name, -1) for name in theirs], np.intp)
        mapped = classes[self.classes]
        kept = Examples(self.rows, self.context[:, :0], mapped, self.weights)
        return kept[mapped >= 0]

    def weighing(self, total: float) -> "Examples":
        """Give the same, with weights that add up to a total."""
        weights = self.weights * (total / max(float(self.weights.sum()), 1e-12))
        return Examples(
            self.rows, self.context, self.classes, weights.astype(np.float32)
        )

    def at_most(self, count: int) -> "Examples":
        """Give so many of each class, spread evenly, which count for all."""
        kept, weights = [], self.weights.astype(np.float32)
        for label in np.unique(self.classes):
            own = np.flatnonzero(self.classes == label)
            some = own[np.linspace(0, len(own) - 1, min(count, len(own))).astype(int)]
            weights[some] *= weights[own].sum() / max(float(weights[some].sum()), 1e-12)
            kept.append(some)
        chosen = np.sort(np.concatenate([np.zeros(0, np.intp), *kept]))
        return Examples(self.rows, self.context, self.classes, weights)[chosen]

    def for_columns(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of so many columns, classes and weights: those of one stage.

        Of a stage that sees context nothing is known where there is none.
        """
        if count == self.rows.shape[1]:
            return self.rows, self.classes, self.weights
        rows = np.concatenate([self.rows, self.context], axis=1)
        if count == rows.shape[1]:
            return rows, self.classes, self.weights
        nothing = np.zeros((0, count), np.float32)
        return nothing, self.classes[:0], self.weights[:0]

    def with_(self, other: "Examples") -> "Examples":
        """Give all of both."""
        return Examples(
            *(
                np.concatenate([getattr(self, name), getattr(other, name)])
                for name in ("rows", "context", "classes", "weights")
            )
        )

    def __getitem__(self, chosen: np.ndarray) -> "Examples":
        return Examples(
            self.rows[chosen],
            self.context[chosen],
            self.classes[chosen],
            self.weights[chosen],
        )
