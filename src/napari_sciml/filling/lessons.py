"""What a network that fills gaps sees, and what it learns from."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from napari_sciml.filling.pattern import (
    ACROSS,
    COUNTS,
    KNOWN,
    Pattern,
    across_without,
    ring_without,
)
from napari_sciml.filling.symmetry import across_gap
from napari_sciml.training.whole_images.crop_set import CropSet, Lesson

CROP = 64
HOLDOUT = 0.0
WIDER = (1.5, 4.0, 10.0)
"""Pixels of the means that a network is shown."""
RING = 5
"""Known pixels that the mean of a ring needs."""
CHANNELS = 5 + len(WIDER)


def look(maps: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what the network sees, and what it corrects.

    Parameters
    ----------
    maps
        Of a `Pattern`, ``(7, y, x)``.
    hidden
        Known pixels that may not be looked at, ``(y, x)``.

    Returns
    -------
    inputs, guess : ndarray
        `CHANNELS` channels ``(c, y, x)``: roots of the counts, with means of what is
        around in the gaps; where they are real; how means over wider surroundings, of
        the ring and of what lies across the center differ, which spares the network
        to learn to average, and shows it what is far away; and where something is
        known across the center. And the guess, the counts with means in the gaps,
        ``(y, x)``.
    """
    visible = (maps[KNOWN] > 0) & ~hidden
    guess = across_gap(maps[COUNTS], visible)
    step, root = step_of(guess), np.sign(guess) * np.sqrt(np.abs(guess)) / 4
    weight, counts = visible.astype(np.float32), np.where(visible, maps[COUNTS], 0)
    means = []
    for spread in WIDER:
        near = ndimage.gaussian_filter(weight, spread, truncate=3)
        total = ndimage.gaussian_filter(counts, spread, truncate=3)
        means.append((total / np.maximum(near, 1e-3), near > 1e-3))
    opposite = across_without(maps, hidden)
    means += [ring_without(maps, hidden, least=RING), (maps[ACROSS], opposite)]
    differences = [np.where(there, mean - guess, 0) / step for mean, there in means]
    inputs = np.stack([root, weight, *differences, opposite])
    return inputs.astype(np.float32), guess


def step_of(guess: np.ndarray) -> np.ndarray:
    """Unit of a correction: about the shot noise of what is guessed.

    It depends on nothing hidden. So the network, which learns the mean of corrections
    in this unit, is right on average in counts; that of roots would lose photons.
    """
    return np.sqrt(np.maximum(guess, 0) + 1)


def make_lessons(patterns: Sequence[Pattern], gaps: np.ndarray, seed: int) -> CropSet:
    """Make lessons of patterns: gaps of their own shape, where the truth is known.

    Parameters
    ----------
    patterns
        Images, and where a network may learn what is there.
    gaps
        That gaps are cut from, ``(y, x)``.
    seed
        Of the crops.
    """
    size = min(CROP, *gaps.shape)
    return CropSet(
        patterns, size=size, holdout=HOLDOUT, seed=seed, teach=_teacher(gaps, size)
    )


def _teacher(
    gaps: np.ndarray, size: int
) -> Callable[[Lesson, np.random.Generator], Lesson]:
    padded = np.pad(gaps, size)
    places = np.argwhere(padded)

    def teach(lesson: Lesson, rng: np.random.Generator) -> Lesson:
        maps = lesson.inputs
        known = maps[KNOWN] > 0
        y, x = places[rng.integers(len(places))] - rng.integers(0, size, 2)
        hidden = padded[y : y + size, x : x + size]
        hidden = np.rot90(hidden, int(rng.integers(4)))[
            : known.shape[0], : known.shape[1]
        ]
        hidden = hidden & known
        if not (known & ~hidden).any():
            hidden = np.zeros_like(known)
        if not known.any():
            nothing = np.zeros((CHANNELS, *known.shape), np.float32)
            return Lesson(nothing, nothing[:1], nothing[:1])
        inputs, guess = look(maps, hidden)
        target = (maps[COUNTS] - guess) / step_of(guess)
        return Lesson(inputs, target[None], hidden[None].astype(np.float32))

    return teach
