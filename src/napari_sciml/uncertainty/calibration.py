"""Calibrate conformal sets: the scores of voxels that nothing was trained on."""

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.scores import (
    Score,
    ScoreTable,
    class_score,
    score_table,
)


class ConformalCalibration(BaseModel):
    """What held-out voxels tell about the probabilities; writes itself as JSON.

    The promise holds for voxels that are exchangeable with the held-out ones, or
    with blocks for voxels of exchangeable blocks. Neighbors in an image are not
    independent: hold out whole strokes, and calibrate by them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Score = Field("lac", description="Kind of score.")
    randomized: bool = Field(
        False, description="Whether APS scores take a random part of the own class."
    )
    marginal: ScoreTable = Field(description="Scores of all held-out voxels.")
    by_class: tuple[ScoreTable, ...] = Field(
        description="Scores of the held-out voxels of each class."
    )
    by_group: tuple[ScoreTable, ...] = Field(
        (), description="Scores of the held-out voxels of each group, 0, 1, 2 …"
    )

    @property
    def n(self) -> int:
        """Held-out voxels."""
        return self.marginal.n

    def threshold(self, coverage: float, class_index: int | None = None) -> float:
        """Largest score at a coverage, over all voxels or those of one class.

        Raises
        ------
        InputError
            If the coverage is not between 0 and 1.
        """
        table = self.marginal if class_index is None else self.by_class[class_index]
        return table.threshold(coverage)


def calibrate(
    probabilities: ArrayLike,
    truth: ArrayLike,
    *,
    score: Score = "lac",
    blocks: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> ConformalCalibration:
    """Calibrate on held-out voxels, which no member was trained on.

    Parameters
    ----------
    probabilities
        ``(n, class)`` mean probabilities of the ensemble.
    truth
        ``(n,)`` the true class of each, as an index (label value less one). None at
        all (n = 0) is allowed: every set is then full.
    score
        "lac": smallest sets on average, empty where no class fits. "aps": the
        likeliest classes until their probability is enough, larger sets where the
        ensemble is not sure; never empty (see `rng`).
    blocks
        ``(n,)`` integer: the stroke or block that each was annotated in. Voxels of
        a block are dependent, and the promise is made for a voxel of a new block:
        below coverage / (1 - coverage) blocks the sets are full. By default all
        voxels are independent.
    groups
        ``(n,)`` integer, 0 or above: a group that can be told without the truth,
        such as `border_distance_bands` of the predicted mask, for sets whose
        coverage holds within each group.
    weights
        ``(class,)`` share of each class among the voxels to come by its share among
        these (``exp(log_prior_ratio(prior, shares of truth))``), so that the
        coverage over all voxels holds where the classes have other shares. Within
        a class they change nothing.
    rng
        With "aps": takes a random part of each voxel's own class into its score,
        for exactly the coverage asked for, with empty sets now and then. By default
        none of it: more coverage than asked where classes are sure.

    Raises
    ------
    InputError
        If shapes or values do not fit.
    """
    if score not in get_args(Score):
        raise InputError(f"There is no score {score!r}; choose lac or aps.")
    p, classes = _checked(probabilities, truth)
    n, count = p.shape
    wanted = None if weights is None else _checked_weights(weights, count)
    block = None if blocks is None else _integers(blocks, n, "blocks")
    group = None if groups is None else _integers(groups, n, "groups")
    u = np.asarray(rng.random(n)) if rng is not None and score == "aps" else None
    scores = np.zeros(n)
    for c in range(count):
        own = classes == c
        scores[own] = class_score(p.T, c, score, u)[own]

    def table(chosen: NDArray[np.bool_], shift: NDArray | None) -> ScoreTable:
        part = None if block is None else block[chosen]
        return score_table(scores[chosen], classes[chosen], shift, part)

    bands = (
        [] if group is None else [group == g for g in range(group.max(initial=-1) + 1)]
    )
    return ConformalCalibration(
        score=score,
        randomized=u is not None,
        marginal=table(np.ones(n, bool), wanted),
        by_class=tuple(table(classes == c, None) for c in range(count)),
        by_group=tuple(table(band, wanted) for band in bands),
    )


def _checked(
    probabilities: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p, classes = np.asarray(probabilities, np.float64), np.asarray(truth)
    if p.ndim != 2 or classes.shape != p.shape[:1]:
        raise InputError(
            f"Calibration needs probabilities (n, class) and truth (n,), not {p.shape} "
            f"and {classes.shape}."
        )
    if not np.all((p >= 0) & (p <= 1 + 1e-6)):
        raise InputError("The probabilities must lie between 0 and 1, without NaN.")
    if classes.size and classes.dtype.kind not in "ui":
        raise InputError(f"The true classes must be indices, not {classes.dtype}.")
    if np.any((classes < 0) | (classes >= p.shape[1])):
        raise InputError(
            f"The true classes must lie between 0 and {p.shape[1] - 1}; leave out "
            "voxels that are not annotated."
        )
    return p, classes.astype(np.int64)


def _checked_weights(weights: ArrayLike, count: int) -> NDArray[np.float64]:
    values = np.asarray(weights, np.float64)
    good = values.shape == (count,) and np.all(np.isfinite(values) & (values >= 0))
    if not good or not values.any():
        raise InputError(
            f"Give {count} weights, one a class, finite, not negative, not all 0."
        )
    return values


def _integers(ids: ArrayLike, n: int, name: str) -> NDArray[np.int64]:
    values = np.asarray(ids)
    if values.shape != (n,) or (n and values.dtype.kind not in "ui"):
        raise InputError(
            f"The {name} must be one integer for each of the {n} held-out voxels, not "
            f"{values.dtype} in the shape {values.shape}."
        )
    if name == "groups" and np.any(values < 0):
        raise InputError("The groups must be numbered from 0 on.")
    return values.astype(np.int64)
