"""Learn classes from a few examples, and say how far that can be trusted."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.classification.folds import (
    Where,
    check_classes,
    check_groups,
    folds,
    groups_of,
)
from napari_sciml.classification.judging import HeldOutScore, judge
from napari_sciml.errors import InputError
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.progress import exhaust
from napari_sciml.training.tree_growing import grow_trees
from napari_sciml.uncertainty.calibration import ConformalCalibration, calibrate
from napari_sciml.uncertainty.conformal import prediction_set

MEMBERS, TREES = 8, 12
"""Members of the ensemble, and trees of each."""
PIECE = 20_000
"""Rows that are asked about between two words."""


@dataclass(frozen=True)
class Classified:
    """What is said of images or patches.

    Attributes
    ----------
    mean, std
        ``(n, class)``: mean and sample standard deviation over the members.
    sets
        ``(n, class)`` bool: the classes that are possible at the coverage.
    """

    mean: np.ndarray
    std: np.ndarray
    sets: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """Index of the likeliest class ``(n,)``."""
        return self.mean.argmax(1)

    @property
    def certainty(self) -> np.ndarray:
        """Probability of the likeliest class ``(n,)``."""
        return self.mean.max(1)

    @property
    def promises(self) -> bool:
        """Whether the sets say anything; too few examples promise nothing."""
        return not bool(self.sets.all())


@dataclass(frozen=True)
class ImageClasses:
    """Trees that sort images, and how they did on examples that they had not seen.

    Attributes
    ----------
    forest
        The trees of all members.
    names
        Of the classes.
    held_out
        How it did on examples that were held out.
    conformal
        Calibration on the same.
    """

    forest: Forest
    names: tuple[str, ...]
    held_out: HeldOutScore
    conformal: ConformalCalibration

    def classify(self, rows: np.ndarray, coverage: float) -> Classified:
        """Sort images at once; see `classify_steps`."""
        return exhaust(self.classify_steps(rows, coverage))

    def classify_steps(
        self, rows: np.ndarray, coverage: float
    ) -> Generator[float, None, Classified]:
        """Sort images.

        Parameters
        ----------
        rows
            ``(n, features)``; as those that were learned from.
        coverage
            Share of images whose set shall hold the true class.

        Yields
        ------
        float
            Share that is done.

        Raises
        ------
        InputError
            When the images have other channels or axes than the examples.
        """
        if rows.shape[1] != self.forest.features:
            raise InputError(
                "The images have other axes or channels than the examples: sort those "
                "of one kind at a time."
            )
        every = np.empty((MEMBERS, len(rows), len(self.names)), np.float32)
        for start in range(0, len(rows), PIECE):
            part = slice(start, start + PIECE)
            for member in range(MEMBERS):
                every[member, part] = _said(self.forest, rows[part], member)
                yield (start + (member + 1) / MEMBERS * PIECE) / (len(rows) + PIECE)
        mean = every.mean(0)
        possible = prediction_set(mean.T, self.conformal, coverage).T
        return Classified(mean, every.std(0, ddof=1), possible)


def learn_classes(
    rows: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | None = None,
    *,
    where: Where | None = None,
    seed: int = 0,
) -> Generator[float, None, ImageClasses]:
    """Learn from examples; each is judged by trees that have not seen its group.

    Parameters
    ----------
    rows
        ``(n, features)`` float32; see
        `napari_sciml.classification.description.describe_image`.
    labels
        Class of each.
    groups
        What each belongs to: images of one sample are alike, and tell nothing of
        other samples. None = each is its own.
    where
        Of patches of one image: who is judged, is so by trees that have not seen its
        neighbors. Where all of a class lie together, nobody can be judged.
    seed
        Of the trees.

    Yields
    ------
    float
        Share that is done.

    Raises
    ------
    InputError
        When there are fewer than two classes, or all of a class is one group.
    """
    found, classes = np.unique(np.asarray(labels), return_inverse=True)
    names = tuple(map(str, found))
    own = groups_of(len(rows), groups, where)
    check_classes(names, classes)
    if where is None:
        check_groups(names, classes, own)
    said = np.full((len(rows), len(names)), np.nan)
    parts = list(folds(own, where))
    for done, (judged, known) in enumerate(parts):
        # Who never saw a class cannot be asked to tell it.
        if len(np.unique(classes[known])) == len(names):
            forest = _grown(rows[known], classes[known], len(names), seed)
            said[judged] = _members(forest, rows[judged]).mean(0)
        yield (done + 1) / (len(parts) + 1)
    known = np.isfinite(said).all(1)
    return ImageClasses(
        _grown(rows, classes, len(names), seed),
        names,
        judge(said, classes, own, names),
        calibrate(said[known], classes[known], blocks=own[known]),
    )


def _grown(rows: np.ndarray, classes: np.ndarray, count: int, seed: int) -> Forest:
    sizes = np.bincount(classes, minlength=count)
    # All classes alike: examples are seldom chosen as often as they occur.
    weights = len(rows) / (np.count_nonzero(sizes) * sizes[classes])
    grown = grow_trees(
        np.ascontiguousarray(rows),
        classes,
        weights,
        trees=MEMBERS * TREES,
        leaf=1,
        bag=1.0,
        seed=seed,
    )
    return Forest.from_trees(grown.trees, grown.classes, count)


def _members(forest: Forest, rows: np.ndarray) -> np.ndarray:
    """What each member says ``(member, n, class)``."""
    return np.stack([_said(forest, rows, member) for member in range(MEMBERS)])


def _said(forest: Forest, rows: Any, member: int) -> np.ndarray:
    rows = np.ascontiguousarray(rows, np.float32)
    return forest.probabilities(rows, range(member * TREES, (member + 1) * TREES))
