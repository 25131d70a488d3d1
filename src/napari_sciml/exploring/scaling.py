"""Bring descriptions to a common scale, so that distances mean something."""

from dataclasses import dataclass

import numpy as np

from napari_sciml.errors import InputError

LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Scaling:
    """How descriptions were brought to scale, to do the same with others.

    Attributes
    ----------
    center, spread
        ``(d,)`` float64; a spread of 0 stands for a number that does not vary.
    """

    center: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, description: np.ndarray) -> "Scaling":
        """Find it for descriptions ``(n, d)``.

        Raises
        ------
        InputError
            When all rows are alike.
        """
        wide = description.astype(np.float64)
        center, spread = wide.mean(0), wide.std(0)
        varies = spread > LEAST_SPREAD * np.maximum(1, np.abs(center))
        check_differ(varies)
        return cls(center, np.where(varies, spread, 0))

    def apply(self, description: np.ndarray) -> np.ndarray:
        """Scale descriptions ``(n, d)``; numbers that did not vary are 0."""
        varies = self.spread > 0
        wide = description.astype(np.float64) - self.center
        return np.where(varies, wide / np.where(varies, self.spread, 1), 0)


def standardized(
    description: np.ndarray, *, blocks: tuple[int, ...] = ()
) -> np.ndarray:
    """Give each number zero mean and unit deviation; those that are constant are 0.

    Parameters
    ----------
    description
        ``(n, d)``.
    blocks
        Lengths of groups of numbers that count as much as each other; none = each
        number counts as much as any.

    Returns
    -------
    ndarray
        ``(n, d)`` float32.

    Raises
    ------
    InputError
        When all rows are alike.
    """
    made = Scaling.of(description).apply(description)
    start = 0
    for length in blocks:
        made[:, start : start + length] /= max(1, length) ** 0.5
        start += length
    return made.astype(np.float32)


def centered(latent: np.ndarray) -> np.ndarray:
    """Take the mean off, and divide by one number for all axes of a latent space.

    Its axes differ in how much they tell: to give each the same spread would raise
    noise.
    """
    wide = latent.astype(np.float64) - latent.mean(0, dtype=np.float64)
    spread = float(np.sqrt((wide**2).mean()))
    check_differ(np.array([spread > LEAST_SPREAD]))
    return (wide / spread).astype(np.float32)


def check_differ(varies: np.ndarray) -> None:
    """Refuse patches of which none differs from another.

    Raises
    ------
    InputError
        With one sentence.
    """
    if not varies.any():
        raise InputError(
            "All patches look the same, as in an image of one gray value: look whether "
            "it is the right image."
        )
