"""Conformal sets: the classes that a voxel can have, at a promised coverage.

Split conformal prediction with the score 1 - p(true class), "least ambiguous
set-valued classifiers".

References
----------
Sadinle, Lei & Wasserman, "Least ambiguous set-valued classifiers with bounded error
levels", J. Am. Stat. Assoc. 114 (2019) 223-234.
Angelopoulos & Bates, "A gentle introduction to conformal prediction and
distribution-free uncertainty quantification", arXiv:2107.07511 (2021).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError

MAX_KNOTS = 1000
"""Scores that a calibration keeps: enough for steps of 0.1 % in the coverage."""


class ScoreTable(BaseModel):
    """Scores of the held-out voxels, ascending, thinned out to `MAX_KNOTS`.

    Knot i of m is the score of rank ceil(i n / m), i = 1 to m; with up to
    `MAX_KNOTS` scores these are all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=0, description="Held-out voxels.")
    knots: tuple[float, ...] = Field(
        max_length=MAX_KNOTS, description="Scores, ascending."
    )

    def threshold(self, coverage: float) -> float:
        """Score that a share `coverage` of new voxels does not exceed.

        The empirical quantile of rank ceil((n + 1) coverage) has the promised
        coverage in finite samples. Where thinning has dropped that rank, the next
        knot is taken: never less coverage. Where n is too small for the promise, it
        is 1, which lets every class in.

        Raises
        ------
        InputError
            If the coverage is not between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise InputError(f"The coverage is {coverage}; give it between 0 and 1.")
        # 0.9 * 10 is a hair over 9: rounding must not ask for one rank more.
        rank = math.ceil((self.n + 1) * coverage - 1e-9)
        if rank > self.n:
            return 1.0
        return self.knots[(rank - 1) * len(self.knots) // self.n]


class ConformalCalibration(BaseModel):
    """What held-out voxels tell about the probabilities; writes itself as JSON.

    The promise holds for voxels that are exchangeable with the held-out ones.
    Neighbors in an image are not independent: hold out whole strokes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    marginal: ScoreTable = Field(description="Scores of all held-out voxels.")
    by_class: tuple[ScoreTable, ...] = Field(
        description="Scores of the held-out voxels of each class."
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


def calibrate(probabilities: ArrayLike, truth: ArrayLike) -> ConformalCalibration:
    """Calibrate on held-out voxels, which no member was trained on.

    Parameters
    ----------
    probabilities
        ``(n, class)`` mean probabilities of the ensemble.
    truth
        ``(n,)`` the true class of each, as an index (label value less one). None at
        all (n = 0) is allowed: every set is then full.

    Raises
    ------
    InputError
        If shapes or values do not fit.
    """
    p, classes = _checked(probabilities, truth)
    scores = 1.0 - p[np.arange(len(p)), classes]
    groups = [scores[classes == c] for c in range(p.shape[1])]
    return ConformalCalibration(
        marginal=_table(scores), by_class=tuple(_table(group) for group in groups)
    )


def prediction_set(
    mean: ArrayLike,
    calibration: ConformalCalibration,
    coverage: float,
    *,
    per_class: bool = False,
) -> NDArray[np.bool_]:
    """Find the classes that each voxel can have.

    Parameters
    ----------
    mean
        ``(class, ...)`` mean probabilities.
    calibration
        From `calibrate`, with the same classes.
    coverage
        Share of voxels whose set holds the true class, above 0 and below 1.
    per_class
        Whether the coverage holds within each class, which protects rare ones,
        instead of over all voxels.

    Returns
    -------
    ndarray
        bool ``(class, ...)``, ``p >= 1 - threshold``. With ">" a classifier that is
        right and certain, whose threshold is 0, would get empty sets.

    Raises
    ------
    InputError
        If the classes differ or the coverage is not between 0 and 1.
    """
    values = np.asarray(mean)
    if values.dtype.kind != "f":
        values = values.astype(np.float32)
    count = len(calibration.by_class)
    if values.ndim == 0 or len(values) != count:
        raise InputError(
            f"The probabilities have shape {values.shape}, but the calibration knows "
            f"{count} classes; the first axis must be the class."
        )
    # The threshold is a probability that occurred: storing at half precision must
    # not move an equal one below it.
    slack = float(np.finfo(values.dtype).eps)
    sets = np.empty(values.shape, np.bool_)
    for c in range(count):
        limit = 1.0 - calibration.threshold(coverage, c if per_class else None)
        np.greater_equal(values[c], values.dtype.type(limit - slack), out=sets[c, ...])
    return sets


def confident_by_coverage(
    mean: ArrayLike,
    class_index: int,
    calibration: ConformalCalibration,
    coverage: float,
    *,
    per_class: bool = False,
) -> NDArray[np.bool_]:
    """Find the voxels that can have one class only.

    Parameters
    ----------
    mean
        ``(class, ...)`` mean probabilities.
    class_index
        The class, along the first axis.
    calibration, coverage, per_class
        As in `prediction_set`.

    Returns
    -------
    ndarray
        bool ``(...)``: the set is exactly that class.

    Raises
    ------
    InputError
        As in `prediction_set`, or if there is no such class.
    """
    sets = prediction_set(mean, calibration, coverage, per_class=per_class)
    if not 0 <= class_index < len(sets):
        raise InputError(f"There is no class {class_index} among {len(sets)}.")
    return np.asarray(sets[class_index] & (sets.sum(axis=0, dtype=np.uint8) == 1))


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


def _table(scores: NDArray[np.float64]) -> ScoreTable:
    ordered = np.sort(np.clip(scores, 0.0, 1.0))
    n, m = len(ordered), min(len(ordered), MAX_KNOTS)
    ranks = [-(-i * n // m) for i in range(1, m + 1)]
    return ScoreTable(n=n, knots=tuple(float(ordered[rank - 1]) for rank in ranks))
