"""Keep what is sure: a threshold on the mean less its uncertainty, or a coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from napari_sciml.bounds import MAX_DEVIATIONS
from napari_sciml.errors import InputError
from napari_sciml.escape import plain
from napari_sciml.uncertainty.calibration import ConformalCalibration
from napari_sciml.uncertainty.conformal import confident_by_coverage

KEPT = 0.94
"""Share of mean > t that stays by the usual rule."""
LARGEST_K = 0.5
"""Deviations that the usual rule takes off at most."""
ROUNDING = 5e-7
"""Of `confident` in single precision."""


class ThresholdConfig(BaseModel):
    """Settings of `confident`; forms and command-line options come from here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    class_name: str = Field(
        "fiber",
        min_length=1,
        description="Class to keep: its name, or its number in the annotation "
        "(1 is the background).",
    )
    k: float | None = Field(
        None,
        ge=0,
        le=MAX_DEVIATIONS,
        description="Standard deviations over the ensemble that are taken off the "
        "mean probability; none = chosen so that 94 % of mean > t stay.",
    )
    t: float = Field(0.5, ge=0, lt=1, description="Probability that must be left over.")

    @field_validator("class_name")
    @classmethod
    def _as_classes_are_named(cls, name: str) -> str:
        return plain(name)

    def class_index(self, class_names: Sequence[str]) -> int:
        """Find the place of the class along the class axis.

        Raises
        ------
        InputError
            If there is no such class; tells which there are.
        """
        if self.class_name in class_names:
            return list(class_names).index(self.class_name)
        if self.class_name.isdecimal() and 1 <= int(self.class_name) <= len(
            class_names
        ):
            return int(self.class_name) - 1
        known = ", ".join(f"{i} = {name}" for i, name in enumerate(class_names, 1))
        raise InputError(
            f"There is no class {self.class_name!r}; choose one of {known}."
        )


class CoverageConfig(BaseModel):
    """Settings of `CoverageRule`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    coverage: float = Field(
        0.9,
        ge=0.5,
        le=0.99,
        description="Share of the voxels of each class whose true class must be among "
        "the possible ones; kept is where only one class is possible.",
    )


class ConfidenceRule(Protocol):
    """Decides where a class is sure."""

    def keep(self, mean: np.ndarray, std: np.ndarray, index: int) -> NDArray[np.bool_]:
        """Find where the class at this place along the first axis is sure.

        Parameters
        ----------
        mean, std
            ``(class, ...)`` over the ensemble.
        index
            The class.

        Returns
        -------
        ndarray
            bool ``(...)``.
        """

    def least(self, index: int) -> float:
        """Give the probability that nothing below is kept at."""


@dataclass(frozen=True)
class LowerBoundRule:
    """`confident`: the mean less k standard deviations is over t."""

    k: float
    t: float

    def keep(self, mean: np.ndarray, std: np.ndarray, index: int) -> NDArray[np.bool_]:
        """See `ConfidenceRule`."""
        return confident(mean[index], std[index], k=self.k, t=self.t)

    def least(self, index: int) -> float:
        """See `ConfidenceRule`."""
        return self.t


@dataclass(frozen=True)
class CoverageRule:
    """`confident_by_coverage`, within each class: no other class is possible."""

    calibration: ConformalCalibration
    coverage: float

    def keep(self, mean: np.ndarray, std: np.ndarray, index: int) -> NDArray[np.bool_]:
        """See `ConfidenceRule`."""
        return confident_by_coverage(
            mean, index, self.calibration, self.coverage, per_class=True
        )

    def can_keep(self, index: int) -> bool:
        """Whether anything can be sure.

        Of a class with too few held-out voxels for the coverage it can never be told
        that it is not possible.
        """
        limits = enumerate(self._limits())
        return all(limit < 1 for c, limit in limits if c != index)

    def least(self, index: int) -> float:
        """See `ConfidenceRule`; 1 where nothing can be sure."""
        if self.calibration.score != "lac":
            return 0.0
        if not self.can_keep(index):
            return 1.0
        limits = self._limits()
        # With two classes, the other one is out only above its own limit.
        other = limits[1 - index] if len(limits) == 2 else 0.0
        return max(1 - limits[index], other)

    def _limits(self) -> list[float]:
        """Largest score of each class."""
        classes = range(len(self.calibration.by_class))
        return [self.calibration.threshold(self.coverage, c) for c in classes]


def confident(
    mean: ArrayLike, std: ArrayLike, *, k: float = 1.0, t: float = 0.5
) -> NDArray[np.bool_]:
    """Find where the mean is over a threshold even less its uncertainty.

    Parameters
    ----------
    mean, std
        Mean and standard deviation of a class probability over the ensemble, any
        shape and type; float16 is computed in float32.
    k
        How many standard deviations are taken off.
    t
        Threshold.

    Returns
    -------
    ndarray
        bool, ``mean - k * std > t``; nowhere where one of them is NaN.

    Raises
    ------
    InputError
        If the shapes differ or k or t make no sense.

    References
    ----------
    Roberts, Chavez, Hexemer & Zwart, "DLSIA: Deep Learning for Scientific Image
    Analysis", J. Appl. Cryst. 57 (2024), section IV-B, with the true standard
    deviation instead of the standard error.
    """
    means, stds = np.asarray(mean), np.asarray(std)
    if means.shape != stds.shape:
        raise InputError(
            f"The mean has shape {means.shape}, but the standard deviation has "
            f"{stds.shape}; take both from the same prediction."
        )
    if not (np.isfinite(k) and k >= 0 and np.isfinite(t)):
        raise InputError(f"k = {k} and t = {t} must be finite numbers, k not negative.")
    lower = np.multiply(stds, -k, dtype=np.float32, casting="unsafe")
    lower += means
    return np.asarray(lower > t)


def usual_k(mean: ArrayLike, std: ArrayLike, *, t: float = 0.5) -> float:
    """Choose how many deviations to take off, by what it would cost.

    The largest number up to `LARGEST_K` that keeps the share `KEPT` of what is over the
    threshold: only the least sure voxels go. As no more than the rest of the mask is
    taken away, its Dice cannot fall by more than about that, whatever they were.

    Parameters
    ----------
    mean, std
        Mean and deviation of a class probability at the voxels of an image, or at a
        fair sample of them; any shape.
    t
        Threshold.
    """
    values, spread = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    inside = values > t
    if not inside.any():
        return LARGEST_K
    # Trees give the same values again and again: rounding must not lose them all.
    room = np.maximum(values[inside] - t - ROUNDING, 0)
    until = room / np.maximum(spread[inside], 1e-9)
    lost = min(int((1 - KEPT) * len(until)), len(until) - 1)
    return min(LARGEST_K, float(np.partition(until, lost)[lost]))
