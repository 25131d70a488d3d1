"""What a network that fills gaps sees, and what it learns from."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from napari_sciml.filling.symmetry import across_gap
from napari_sciml.training.whole_images.crop_set import CropSet, Lesson

CROP = 64
HOLDOUT = 0.0
WIDER = (1.5, 4.0, 10.0)
"""Pixels of the means that a network is shown."""
CHANNELS = 2 + len(WIDER)


def noise_unit(image: np.ndarray, known: np.ndarray) -> float:
    """Variance over mean of neighboring pixels: 1 for counts, less for averages."""
    both = known[:, 1:] & known[:, :-1]
    left, right = image[:, :-1][both], image[:, 1:][both]
    level = (left + right) / 2
    bright = level > max(0.0, float(np.median(level)) * 0.5)
    if not bright.any():
        return 1.0
    # Of medians: a few edges of the pattern must not count. 0.455 is that of a square.
    ratio = (left - right)[bright] ** 2 / 2 / level[bright]
    unit = float(np.median(ratio)) / 0.455
    return unit if np.isfinite(unit) and unit > 0 else 1.0


def look(image: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what the network sees, and what it corrects.

    Parameters
    ----------
    image
        Counts, in units of `noise_unit`, ``(y, x)``.
    visible
        What may be looked at.

    Returns
    -------
    inputs, guess : ndarray
        `CHANNELS` channels ``(c, y, x)``: roots of the counts, with means of what is
        around in the gaps; where they are real; and how means over wider surroundings
        differ, which spares the network to learn to average; and the guess, the counts
        with means in the gaps, ``(y, x)``.
    """
    guess = across_gap(image, visible)
    root = np.sign(guess) * np.sqrt(np.abs(guess)) / 4
    weight, counts = visible.astype(np.float32), np.where(visible, image, 0)
    wider = []
    for spread in WIDER:
        near = ndimage.gaussian_filter(weight, spread, truncate=3)
        total = ndimage.gaussian_filter(counts, spread, truncate=3)
        mean = np.where(near > 1e-3, total / np.maximum(near, 1e-3), guess)
        wider.append((mean - guess) / step_of(guess))
    return np.stack([root, weight, *wider]).astype(np.float32), guess


def step_of(guess: np.ndarray) -> np.ndarray:
    """Unit of a correction: about the shot noise of what is guessed.

    It depends on nothing hidden. So the network, which learns the mean of corrections
    in this unit, is right on average in counts; that of roots would lose photons.
    """
    return np.sqrt(np.maximum(guess, 0) + 1)


def make_lessons(
    frames: Sequence[np.ndarray],
    known: Sequence[np.ndarray],
    gaps: np.ndarray,
    seed: int,
) -> CropSet:
    """Make lessons of frames: gaps of their own shape, where the truth is known.

    Parameters
    ----------
    frames
        Counts in units of `noise_unit`, ``(y, x)`` each.
    known
        Where a network may learn what is there.
    gaps
        Pattern that gaps are cut from, ``(y, x)``.
    """
    images = [
        np.stack([np.where(there, frame, 0), there]).astype(np.float32)
        for frame, there in zip(frames, known, strict=True)
    ]
    size = min(CROP, *gaps.shape)
    return CropSet(
        images, size=size, holdout=HOLDOUT, seed=seed, teach=_teacher(gaps, size)
    )


def _teacher(
    gaps: np.ndarray, size: int
) -> Callable[[Lesson, np.random.Generator], Lesson]:
    padded = np.pad(gaps, size)
    places = np.argwhere(padded)

    def teach(lesson: Lesson, rng: np.random.Generator) -> Lesson:
        counts, known = lesson.inputs[0], lesson.inputs[1] > 0
        y, x = places[rng.integers(len(places))] - rng.integers(0, size, 2)
        hidden = padded[y : y + size, x : x + size]
        hidden = np.rot90(hidden, int(rng.integers(4)))[
            : known.shape[0], : known.shape[1]
        ]
        hidden = hidden & known
        visible = known & ~hidden
        if not visible.any():
            visible, hidden = known, np.zeros_like(known)
        if not known.any():
            nothing = np.zeros((CHANNELS, *known.shape), np.float32)
            return Lesson(nothing, nothing[:1], nothing[:1])
        inputs, guess = look(counts, visible)
        target = (counts - guess) / step_of(guess)
        return Lesson(inputs, target[None], hidden[None].astype(np.float32))

    return teach
