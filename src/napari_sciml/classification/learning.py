"""Learn classes of images from a few examples, and say how far that can be trusted."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.training.evaluation.metrics import Report, report
from napari_sciml.training.tree_growing import grow_trees
from napari_sciml.uncertainty.calibration import ConformalCalibration, calibrate
from napari_sciml.uncertainty.conformal import prediction_set

MEMBERS, TREES = 8, 12
"""Members of the ensemble, and trees of each."""
MOST_FOLDS = 20


@dataclass(frozen=True)
class Classified:
    """What is said of images.

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
        Figures on examples that were held out; a "voxel" is an image.
    conformal
        Calibration on the same.
    """

    forest: Forest
    names: tuple[str, ...]
    held_out: Report
    conformal: ConformalCalibration

    def classify(self, rows: np.ndarray, coverage: float) -> Classified:
        """Sort images.

        Parameters
        ----------
        rows
            ``(n, features)``; see `describe_image`.
        coverage
            Share of images whose set shall hold the true class.

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
        every = _members(self.forest, rows)
        mean = every.mean(0)
        possible = prediction_set(mean.T, self.conformal, coverage).T
        return Classified(mean, every.std(0, ddof=1), possible)


def learn_classes(
    rows: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> Generator[float, None, ImageClasses]:
    """Learn from examples; each is judged by trees that have not seen its group.

    Parameters
    ----------
    rows
        ``(n, features)`` float32; see `describe_image`.
    labels
        Class of each.
    groups
        What each belongs to: images of one sample are alike, and tell nothing of
        other samples. None = each is its own.
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
    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    own = np.arange(len(rows)) if groups is None else _numbers(groups)
    _check(names, classes, own)
    folds = own % min(MOST_FOLDS, int(own.max()) + 1)
    held_out = np.zeros((len(rows), len(names)))
    numbers = np.unique(folds)
    for done, fold in enumerate(numbers):
        known = folds != fold
        forest = _grown(rows[known], classes[known], len(names), seed)
        held_out[~known] = _members(forest, rows[~known]).mean(0)
        yield (done + 1) / (len(numbers) + 1)
    return ImageClasses(
        _grown(rows, classes, len(names), seed),
        tuple(map(str, names)),
        report(held_out, classes),
        calibrate(held_out, classes, blocks=own),
    )


def _numbers(groups: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(groups), return_inverse=True)[1]


def _check(names: np.ndarray, classes: np.ndarray, groups: np.ndarray) -> None:
    if len(names) < 2:
        raise InputError(
            "The examples are all of one class: give examples of two at least."
        )
    for index, name in enumerate(names):
        if len(np.unique(groups[classes == index])) < 2:
            raise InputError(
                f"The class '{name}' has one example, or examples of one group only: "
                "give another one, or nobody can tell how well it is known."
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
    rows = np.ascontiguousarray(rows, np.float32)
    ranges = [range(n * TREES, (n + 1) * TREES) for n in range(MEMBERS)]
    return np.stack([forest.probabilities(rows, own) for own in ranges])
