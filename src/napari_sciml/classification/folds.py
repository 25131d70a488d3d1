"""Which examples judge, and which ones may teach who is judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.errors import InputError

MOST_FOLDS = 20


@dataclass(frozen=True)
class Where:
    """Where patches lie in an image: neighbors look alike, and tell nothing of others.

    Attributes
    ----------
    places
        ``(n, axes)`` centers in voxels.
    edge
        Edge of a patch in voxels; patches whose centers are nearer than that along
        every axis are neighbors, in the next slice, too.
    """

    places: np.ndarray
    edge: float

    def __getitem__(self, chosen: np.ndarray) -> "Where":
        return Where(self.places[chosen], self.edge)

    @property
    def blocks(self) -> np.ndarray:
        """Number of the block ``(n,)`` that each lies in, two patches wide."""
        cells = np.floor(self.places / (2 * self.edge)).astype(np.int64)
        return np.unique(cells, axis=0, return_inverse=True)[1].ravel()


def groups_of(
    count: int, groups: Sequence[str] | None, where: Where | None
) -> np.ndarray:
    """Number of the group of each example: as told, by place, or each its own."""
    if where is not None:
        return where.blocks
    if groups is None:
        return np.arange(count)
    return np.unique(np.asarray(groups), return_inverse=True)[1]


def folds(
    groups: np.ndarray, where: Where | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give masks ``(n,)`` of who is judged and who teaches, fold by fold.

    Parameters
    ----------
    groups
        Numbers of groups, 0 to m - 1; a group is never in both.
    where
        Given, neighbors of who is judged do not teach, whatever block they are in.
    """
    own = groups % min(MOST_FOLDS, int(groups.max()) + 1)
    for number in np.unique(own):
        judged = own == number
        known = ~judged
        if where is not None:
            known &= ~_near(where, judged)
        yield judged, known


def check_classes(names: Sequence[str], classes: np.ndarray) -> None:
    """Refuse too few classes or examples.

    Raises
    ------
    InputError
        With one sentence.
    """
    if len(names) < 2:
        raise InputError(
            "The examples are all of one class: give examples of two at least."
        )
    for index, name in enumerate(names):
        if np.count_nonzero(classes == index) < 2:
            raise InputError(
                f"The class '{name}' has one example: give another one, or nobody can "
                "tell how well it is known."
            )


def check_groups(names: Sequence[str], classes: np.ndarray, groups: np.ndarray) -> None:
    """Refuse classes of which all examples belong together.

    Raises
    ------
    InputError
        With one sentence.
    """
    for index, name in enumerate(names):
        if len(np.unique(groups[classes == index])) < 2:
            raise InputError(
                f"The class '{name}' has one example, or examples of one group only: "
                "give another one, or nobody can tell how well it is known."
            )


def _near(where: Where, judged: np.ndarray) -> np.ndarray:
    """Who is a neighbor of somebody who is judged, ``(n,)``."""
    from scipy.spatial import cKDTree

    away, _ = cKDTree(where.places[judged]).query(
        where.places, p=np.inf, distance_upper_bound=where.edge
    )
    return np.asarray(away < where.edge)
