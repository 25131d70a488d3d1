"""Keep what is sure: a threshold on the mean less its uncertainty."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError


class ThresholdConfig(BaseModel):
    """Settings of `confident`; forms and command-line options come from here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: str = Field(
        "fiber",
        min_length=1,
        description="Class to keep: its name, or its number in the annotation "
        "(1 is the background).",
    )
    k: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="Standard deviations over the ensemble that are taken off the "
        "mean probability.",
    )
    t: float = Field(0.5, ge=0, lt=1, description="Probability that must be left over.")

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
