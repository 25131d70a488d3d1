"""Bring descriptions to a common scale, so that distances mean something."""

import numpy as np

from napari_sciml.errors import InputError

LEAST_SPREAD = 1e-6


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
    wide = description.astype(np.float64)
    center, spread = wide.mean(0), wide.std(0)
    varies = spread > LEAST_SPREAD * np.maximum(1, np.abs(center))
    check_differ(varies)
    made = np.where(varies, (wide - center) / np.where(varies, spread, 1), 0)
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
