"""Conformal sets: the classes that a voxel can have, at a promised coverage.

Split conformal prediction with the score 1 - p(true class), "least ambiguous
set-valued classifiers" (LAC), or with the probability of all likelier classes,
"adaptive prediction sets" (APS).

References
----------
Sadinle, Lei & Wasserman, "Least ambiguous set-valued classifiers with bounded error
levels", J. Am. Stat. Assoc. 114 (2019) 223-234.
Romano, Sesia & Candès, "Classification with valid and adaptive coverage", NeurIPS
(2020), arXiv:2006.02544.
Angelopoulos & Bates, "A gentle introduction to conformal prediction and
distribution-free uncertainty quantification", arXiv:2107.07511 (2021).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.calibration import ConformalCalibration, calibrate
from napari_sciml.uncertainty.scores import MAX_KNOTS, ScoreTable, class_score

__all__ = [
    "MAX_KNOTS",
    "ConformalCalibration",
    "ScoreTable",
    "calibrate",
    "confident_by_coverage",
    "prediction_set",
]


def prediction_set(
    mean: ArrayLike,
    calibration: ConformalCalibration,
    coverage: float,
    *,
    per_class: bool = False,
    groups: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
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
    groups
        ``(...)`` group of each voxel, for coverage within each group. Voxels of a
        group without held-out voxels get full sets.
    rng
        Needed for a calibration with one.

    Returns
    -------
    ndarray
        bool ``(class, ...)``: where the score is at most the threshold. With "<" a
        classifier that is right and certain, whose threshold is 0, would get empty
        sets.

    Raises
    ------
    InputError
        If the classes differ or the coverage is not between 0 and 1, or if groups
        or `rng` do not go with the calibration.
    """
    values = np.asarray(mean)
    count = len(calibration.by_class)
    if values.ndim == 0 or len(values) != count:
        raise InputError(
            f"The probabilities have shape {values.shape}, but the calibration knows "
            f"{count} classes; the first axis must be the class."
        )
    if values.dtype.kind != "f":
        values = values.astype(np.float32)
    u = None
    if calibration.randomized:
        if rng is None:
            raise InputError("This calibration is randomized: pass an rng, as there.")
        u = rng.random(values.shape[1:], np.float32)
    limits = _limits(calibration, coverage, values.shape[1:], per_class, groups)
    # The threshold is a score that occurred: storing at half precision must not
    # move an equal one above it.
    slack = float(np.finfo(values.dtype).eps)
    sets = np.empty(values.shape, np.bool_)
    for c, limit in enumerate(limits):
        score = class_score(values, c, calibration.score, u)
        np.less_equal(score, limit + slack, out=sets[c, ...])
    return sets


def confident_by_coverage(
    mean: ArrayLike,
    class_index: int,
    calibration: ConformalCalibration,
    coverage: float,
    *,
    per_class: bool = False,
    groups: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> NDArray[np.bool_]:
    """Find the voxels that can have one class only.

    Parameters
    ----------
    mean
        ``(class, ...)`` mean probabilities.
    class_index
        The class, along the first axis.
    calibration, coverage, per_class, groups, rng
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
    sets = prediction_set(
        mean, calibration, coverage, per_class=per_class, groups=groups, rng=rng
    )
    if not 0 <= class_index < len(sets):
        raise InputError(f"There is no class {class_index} among {len(sets)}.")
    return np.asarray(sets[class_index] & (sets.sum(axis=0, dtype=np.uint8) == 1))


def _limits(
    calibration: ConformalCalibration,
    coverage: float,
    shape: tuple[int, ...],
    per_class: bool,
    groups: ArrayLike | None,
) -> list[float | NDArray[np.float64]]:
    """Largest score of each class, one number or one a voxel."""
    count = len(calibration.by_class)
    if groups is None:
        classes = range(count) if per_class else [None] * count
        return [calibration.threshold(coverage, c) for c in classes]
    if per_class:
        raise InputError("Choose coverage within classes or within groups, not both.")
    if not calibration.by_group:
        raise InputError("The calibration has no groups: pass groups to calibrate.")
    group = np.asarray(groups)
    if group.shape != shape or group.dtype.kind not in "ui" or np.any(group < 0):
        raise InputError(
            f"The groups must be integers from 0 on in the shape {shape}, not "
            f"{group.dtype} in {group.shape}."
        )
    thresholds = [table.threshold(coverage) for table in calibration.by_group]
    table = np.array([*thresholds, 1.0])
    return [table[np.minimum(group, len(thresholds))]] * count
