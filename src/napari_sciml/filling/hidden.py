"""Gaps moved to where the truth is known, to test a filling."""

import numpy as np

from napari_sciml.errors import InputError

SHIFTS = (
    (-0.06, -0.17), (0.067, 0.12), (0.105, -0.06), (0.15, 0.15), (-0.12, 0.08),
    (0.25, -0.2), (-0.3, 0.3), (0.4, 0.1), (-0.2, -0.4),
)  # fmt: skip
"""Of a moved pattern of gaps, in edges of the image."""
TRIALS = 3
FEWEST = 16
"""Pixels that a test needs."""


def hidden_gaps(gaps: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """Move a pattern of gaps to several places, and keep what is known there.

    Parameters
    ----------
    gaps
        The pattern, ``(y, x)``.
    known
        Where the truth is known.

    Returns
    -------
    list of ndarray
        Up to `TRIALS` masks; those that hide at least half as much as the gaps, where
        there are such.

    Raises
    ------
    InputError
        When the gaps can be moved nowhere.
    """
    moved = []
    for shift in SHIFTS:
        steps = [round(s * n) for s, n in zip(shift, gaps.shape, strict=True)]
        moved.append(np.roll(gaps, steps, (0, 1)) & known)
    good = [hidden for hidden in moved if 2 * hidden.sum() >= gaps.sum()]
    if len(good) < TRIALS:
        good = sorted(moved, key=lambda hidden: -int(hidden.sum()))
    good = [hidden for hidden in good[:TRIALS] if hidden.sum() >= FEWEST]
    if not good:
        raise InputError(
            "The gaps cannot be moved to where the truth is known, so that no filling "
            "could be tested: mask less of the image."
        )
    return good
