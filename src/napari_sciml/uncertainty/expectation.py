"""What overlap with the truth to expect of a mask, from probabilities alone."""

import math

import numpy as np
from numpy.typing import ArrayLike

FEWEST_STROKES = 2
"""Held-out strokes of a class, without which nothing is known of it."""
CONTRADICTION = 0.35
"""Below such a Dice on held-out strokes a class is not known."""


def expected_dice(
    image: ArrayLike, held_out: ArrayLike, truth: ArrayLike, strokes: ArrayLike
) -> list[float]:
    """Expect the Dice of each class if probabilities are what they say.

    With a probability p at each voxel, the mask of what is likeliest has an expected
    overlap of ``2 sum(p in the mask) / (size of the mask + sum of p)``.

    Parameters
    ----------
    image
        ``(n, class)`` probabilities at a fair sample of the image's voxels.
    held_out
        ``(m, class)`` probabilities at voxels of held-out strokes.
    truth, strokes
        ``(m,)`` class index and stroke of each.

    Returns
    -------
    list of float
        NaN for a class with too few held-out strokes, or none that it is found in.
    """
    p, told = np.asarray(image, float), np.asarray(held_out, float)
    chosen, classes = p.argmax(1), np.asarray(truth, np.intp)
    answered = told.argmax(1) if len(told) else np.empty(0, np.intp)
    found = []
    for index in range(p.shape[1]):
        own = classes == index
        few = len(np.unique(np.asarray(strokes)[own])) < FEWEST_STROKES
        total = int(own.sum()) + int((answered == index).sum())
        hits = int((own & (answered == index)).sum())
        if few or 2 * hits < CONTRADICTION * total:
            found.append(math.nan)
            continue
        mask = chosen == index
        size = float(mask.sum() + p[:, index].sum())
        found.append(2 * float(p[mask, index].sum()) / size if size else math.nan)
    return found
