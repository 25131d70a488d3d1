"""What overlap with the truth to expect of a mask, told without the truth."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

FEWEST_STROKES = 10
FEWEST_OF_A_CLASS = 3
"""With fewer strokes nothing is known."""
CONSTANT, AGREEMENT, RECALL = 1.03, 0.66, -0.43
"""Fitted on forests of 5 groups of 8 trees on phantoms, fibers, a retina and neurons;
on others the mean error of the Dice is 0.10, and 0.06 on those."""
LIMITS = (0.02, 0.98)


def expected_dice(
    members: ArrayLike,
    out_of_bag: ArrayLike,
    classes: ArrayLike,
    *,
    strokes: Sequence[int],
) -> list[float]:
    """Expect the Dice of each class from how members agree.

    Sums of probabilities say almost nothing: they are as confident where a model is
    wrong. What tells is how far groups of trees that saw other voxels agree (Jiang et
    al., ICLR 2022), and how often painted voxels are found again: the less, the harder
    the places that were painted, hence the sign.

    Parameters
    ----------
    members
        ``(member, n, class)`` probabilities of groups of trees, after the offset, at a
        fair sample of the image's voxels.
    out_of_bag
        ``(m, class)`` probabilities at painted voxels, after the offset.
    classes
        ``(m,)`` class index of each.
    strokes
        Number of strokes of each class.

    Returns
    -------
    list of float
        One for each class; NaN where it cannot be known: too few strokes, or a class
        that is found nowhere.
    """
    p, told = np.asarray(members, np.float32), np.asarray(out_of_bag, float)
    painted, count = np.asarray(classes, np.intp), p.shape[2]
    few = [n for n in strokes if n > 0]
    if sum(few) < FEWEST_STROKES or min(few) < FEWEST_OF_A_CLASS:
        return [math.nan] * count
    chosen, answered = p.argmax(2), told.argmax(1)
    found = []
    for index in range(count):
        own = painted == index
        masks = chosen == index
        if not own.any() or not masks.any(1).all():
            found.append(math.nan)
            continue
        recall = float((answered[own] == index).mean())
        score = CONSTANT + AGREEMENT * _odds(_agreement(masks)) + RECALL * _odds(recall)
        found.append(float(expit(score)))
    return found


def _agreement(masks: NDArray[np.bool_]) -> float:
    """Mean Dice of each pair of masks ``(member, n)``."""
    sizes = masks.sum(1)
    return float(
        np.mean(
            [
                2 * np.count_nonzero(masks[a] & masks[b]) / (sizes[a] + sizes[b])
                for a, b in combinations(range(len(masks)), 2)
            ]
        )
    )


def _odds(share: float) -> float:
    return float(logit(np.clip(share, *LIMITS)))
