"""Conformity scores, and the table of those of held-out voxels.

References
----------
Vovk, Gammerman & Shafer, "Algorithmic learning in a random world", Springer (2005).
Tibshirani, Barber, Candès & Ramdas, "Conformal prediction under covariate shift",
NeurIPS (2019), arXiv:1904.06019.
Podkopaev & Ramdas, "Distribution-free uncertainty quantification for classification
under label shift", UAI (2021), arXiv:2103.03323.
Dunn, Wasserman & Ramdas, "Distribution-free prediction sets for two-layer
hierarchical models", J. Am. Stat. Assoc. 118 (2022), arXiv:1809.07441.
Lee, Barber & Willett, "Distribution-free inference with hierarchical data",
arXiv:2306.06342 (2023).
"""

import math
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError

Score = Literal["lac", "aps"]

MAX_KNOTS = 1000
"""Scores that a calibration keeps: enough for steps of 0.1 % in the coverage."""
ROUNDING = 1e-9
"""Of shares: 0.9 * 10 is a hair over 9 and must not ask for one rank more."""


class Probabilities(Protocol):
    """Probabilities, the class along the first axis; only whole classes are read."""

    def __len__(self) -> int:
        """Count the classes."""

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Give the probability of a class."""


def class_score(
    values: Probabilities,
    index: int,
    kind: Score,
    u: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """How badly a class fits, 0 (well) to 1.

    Parameters
    ----------
    values
        ``(class, ...)`` probabilities.
    index
        The class.
    kind
        "lac": 1 - p. "aps": the probability of all classes that are likelier, and
        the part `u` of its own.
    u
        ``(...)`` uniform random numbers, 0 to 1, for "aps"; None is 0 everywhere.
        The score of the likeliest class is then 0, so that no set is empty, and
        coverage can only come out higher than asked for. Every fixed u is valid; 1,
        which is often taken, would give the classifier that is right and certain the
        same score as the one that is wrong and certain.
    """
    p = _widened(values[index])
    if kind == "lac":
        return 1 - p
    total = np.zeros(p.shape, p.dtype) if u is None else (u * p).astype(p.dtype)
    for other in range(len(values)):
        if other != index:
            q = _widened(values[other])
            total += np.where(q > p, q, 0)
    return np.minimum(total, 1)


class ScoreTable(BaseModel):
    """Scores of the held-out voxels, ascending, thinned out to `MAX_KNOTS`.

    Knot i of m, i = 1 to m, is the least score that the share i / m of the held-out
    voxels (by weight) does not exceed; with up to `MAX_KNOTS` voxels of one weight
    these are all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=0, description="Held-out voxels.")
    knots: tuple[float, ...] = Field(
        max_length=MAX_KNOTS, description="Scores, ascending."
    )
    unseen: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="Weight of what a new voxel comes from, its block or itself, as a "
        "part of the weight of all held-out voxels; none = 1 / n.",
    )

    def threshold(self, coverage: float) -> float:
        """Score that a share `coverage` of new voxels does not exceed.

        The quantile of the held-out scores and of those that come with the new
        voxel, which are not known and counted as the worst: the promise holds in
        finite samples. For voxels that are independent and alike that is the rank
        ceil((n + 1) coverage). Where thinning has dropped a score, the next knot is
        taken: never less coverage. Where n is too small for the promise, it is 1,
        which lets every class in.

        Raises
        ------
        InputError
            If the coverage is not between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise InputError(f"The coverage is {coverage}; give it between 0 and 1.")
        if not self.knots:
            return 1.0
        unseen = 1 / self.n if self.unseen is None else self.unseen
        share = coverage * (1 + unseen)
        if share > 1 + ROUNDING:
            return 1.0
        knot = math.ceil((share - ROUNDING) * len(self.knots))
        return self.knots[min(max(knot, 1), len(self.knots)) - 1]


def score_table(
    scores: NDArray[np.float64],
    classes: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    blocks: NDArray[Any] | None,
) -> ScoreTable:
    """Sort scores into a table.

    Parameters
    ----------
    scores, classes
        ``(n,)`` score and true class of each held-out voxel.
    weights
        ``(class,)`` how much more often a class occurs among new voxels than among
        these; None = as often.
    blocks
        ``(n,)`` what each voxel was annotated with: voxels of a block are alike,
        those of different blocks independent. None = each a block of its own.
    """
    n = len(scores)
    each = np.ones(n) if weights is None else weights[classes]
    used = each > 0
    if n == 0 or not used.any():
        return ScoreTable(n=n, knots=())
    order = np.argsort(scores, kind="stable")
    share = np.cumsum(each[order]) / each.sum()
    m = MAX_KNOTS if weights is not None else min(n, MAX_KNOTS)
    grid = np.arange(1, m + 1) / m
    rank = np.minimum(np.searchsorted(share, grid - ROUNDING / MAX_KNOTS), n - 1)
    knots = tuple(float(score) for score in np.clip(scores[order][rank], 0, 1))
    if weights is None and blocks is None:
        return ScoreTable(n=n, knots=knots)
    return ScoreTable(n=n, knots=knots, unseen=_unseen(classes, each, weights, blocks))


def _unseen(
    classes: NDArray[np.int64],
    each: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    blocks: NDArray[Any] | None,
) -> float:
    """Weight of the block that a new voxel lies in, as a part of the weight known.

    A new voxel brings a whole block with it, whose other scores are like its own. If
    blocks are exchangeable and a voxel is drawn from all of them, the block that it
    lies in is one of the known ones and the new one, by weight, and the quantile
    over all of them has the promised coverage: weighted exchangeability, with the
    weight of the block as the likelihood ratio. The scores of the new block are not
    known and count as the worst. With blocks of one size this is Lee, Barber &
    Willett's hierarchical conformal prediction, each block 1 / (blocks + 1), and
    exact; Dunn, Wasserman & Ramdas's pooled distribution lacks the "+ 1", their
    subsampling throws most labels away or promises 1 - 2 alpha only. With each
    voxel a block it is the split conformal, under label shift Podkopaev & Ramdas's.

    The weight of the new block is not known: taken is that of the block of a held-
    out voxel, on average. Errors of blocks that are heavier and lighter than that
    cancel to first order. The class that has the heaviest blocks counts, as any
    class may be the true one.
    """
    block_weight: NDArray[Any] = each
    if blocks is not None:
        numbers = np.unique(blocks, return_inverse=True)[1].reshape(-1)
        block_weight = np.bincount(numbers, each)[numbers]
    count = int(classes.max()) + 1 if weights is None else len(weights)
    known = np.bincount(classes, minlength=count)
    sums = np.bincount(classes, block_weight, minlength=count)
    # A class without held-out voxels may come as a block of one voxel.
    alone = np.zeros(count) if weights is None else weights
    heaviest = np.where(known > 0, sums / np.maximum(known, 1), alone)
    if weights is not None:
        heaviest = heaviest[weights > 0]
    return float(heaviest.max() / each.sum())


def _widened(values: Any) -> NDArray[np.floating]:
    array = np.asarray(values)
    wide = array.dtype.kind == "f" and array.dtype.itemsize >= 4
    return array if wide else array.astype(np.float32)
