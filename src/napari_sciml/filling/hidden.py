"""Gaps moved to where the truth is known, to test a filling."""

from itertools import zip_longest

import numpy as np
from scipy import ndimage

from napari_sciml.errors import InputError

SHIFTS = (
    (-0.06, -0.17), (0.067, 0.12), (0.105, -0.06), (0.15, 0.15), (-0.12, 0.08),
    (0.25, -0.2), (-0.3, 0.3), (0.4, 0.1), (-0.2, -0.4),
)  # fmt: skip
"""Of a moved pattern of gaps, in edges of the image."""
TURNS = (20.0, -35.0, 60.0, -75.0)
"""Of the pattern around the center, in degrees: turned gaps lie as near to the beam,
and opposite each other if they do."""
TRIALS = 6
FEWEST = 16
"""Pixels that a test needs."""


def hidden_gaps(
    gaps: np.ndarray, known: np.ndarray, center: tuple[float, float]
) -> list[np.ndarray]:
    """Move a pattern of gaps to several places, and keep what is known there.

    Parameters
    ----------
    gaps
        The pattern, ``(y, x)``.
    known
        Where the truth is known.
    center
        That the pattern is turned around, ``(y, x)`` in pixels.

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
    shifted, turned = [], [_turned(gaps, center, turn) & known for turn in TURNS]
    for shift in SHIFTS:
        steps = [round(s * n) for s, n in zip(shift, gaps.shape, strict=True)]
        shifted.append(np.roll(gaps, steps, (0, 1)) & known)
    pairs = zip_longest(turned, shifted)
    moved = [hidden for pair in pairs for hidden in pair if hidden is not None]
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


def _turned(
    gaps: np.ndarray, center: tuple[float, float], degrees: float
) -> np.ndarray:
    """Turn a mask around a center."""
    y, x = np.ogrid[: gaps.shape[0], : gaps.shape[1]]
    dy, dx = y - center[0], x - center[1]
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    places = center[0] + cos * dy - sin * dx, center[1] + sin * dy + cos * dx
    found = ndimage.map_coordinates(gaps.astype(np.uint8), places, order=0)
    return np.asarray(found > 0)
