"""Where to cut: what the odds of trees mean, by the kind of strokes they learned from.

Strokes that were painted before anything was shown are a biased sample: people paint
40 % fiber where the volume holds 2 %, and half is far too low a cut (on scribbles of
volumes it costs 0.16 to 0.25 of Dice). Strokes that correct a picture teach the model
where its half belongs, and half is right after some of them. Textbook estimates of the
shares (`napari_sciml.uncertainty.prior`) take both kinds for a fair sample and send the
rare class to nothing.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, logsumexp, ndtr

SURE = 2e-3
"""Probabilities of trees are steps: beyond this their odds mean nothing."""
CUTS = np.linspace(-1.0, 5.5, 131)
"""Candidates, as logits."""
BAND = 0.6
"""Width, in logits, over which the curve of the painted voxels is smoothed."""
USUAL_CUT = 1.2
"""Of a scribbled image before anything is known: a probability of 0.77."""
USUAL_VOXELS = 50.0
"""Painted voxels of a class that say as much."""
ANCHORS = (0.5, 0.7)
"""Probabilities at which shares are counted."""
LARGEST_CUT = 4.0
STAYS = 0.7
"""Share of a class's painted voxels that must stay on its side of the cut."""
LEANING = {2: 0.4, 3: 0.0}
"""Cut, as a logit, of trees that learned from correcting strokes, by axes. Their second
stage is too sure, as its context is out of bag only voxel by voxel; in photographs more
so than in volumes (Dice at 0.6 is 0.03 above that at 0.5 on eight series of strokes,
all of which were in view)."""
CORRECTION = 36.0
"""Correcting strokes against the square of the others: rich scribbles are not soon
forgotten, and four first strokes are. (Against 12, 0.02 of Dice after five strokes, and
0.01 after six to ten, on the series of `napari_sciml.uncertainty.steadiness`.)"""
TRIES = 20

Steadied = Callable[[NDArray[np.float64], list[int]], NDArray[np.float64]]
"""Offsets, and the classes whose offsets may be moved, to other offsets."""


def class_offsets(
    image: ArrayLike,
    out_of_bag: ArrayLike,
    classes: ArrayLike,
    *,
    sampling: float,
    leaning: float = 0.0,
    background: int = 0,
    usual: float = USUAL_CUT,
    steadied: Steadied | None = None,
) -> NDArray[np.float64]:
    """Offsets of the classes' odds by which the likeliest class is the best guess.

    Parameters
    ----------
    image
        ``(n, class)`` probabilities at a fair sample of the image's voxels; may be
        empty where strokes are no sample at all.
    out_of_bag
        ``(m, class)`` probabilities at painted voxels, by trees that never saw them.
    classes
        ``(m,)`` class index of each painted voxel.
    sampling
        How far the strokes are like a sample, 0 to 1; see `sampling_of`.
    leaning
        Where the cut is as far as they are not; see `LEANING`.
    background
        The class whose odds stay as they are.
    usual
        Cut, as a logit, before anything is known of a class; see `best_cut`.
    steadied
        Moves the offsets of the other classes that were painted, given by their
        indices.

    Returns
    -------
    ndarray
        ``(class,)``, to be added to the logarithms of the probabilities; 0 for classes
        that nobody painted.
    """
    everywhere, told = np.asarray(image, float), np.asarray(out_of_bag, float)
    painted_as, count = np.asarray(classes, np.intp), np.shape(image)[1]
    offsets = np.zeros(count)
    painted = np.bincount(painted_as, minlength=count)[:count] > 0
    if painted.sum() < 2:
        return offsets
    if not painted[background]:
        known = everywhere if len(everywhere) else told
        background = int(np.argmax(np.where(painted, known.sum(0), -1)))
    others = [int(c) for c in np.flatnonzero(painted) if c != background]
    for c in others:
        cut = (1 - sampling) * leaning
        if sampling > 0 and len(everywhere):
            cut += sampling * best_cut(
                everywhere[:, c], told[:, c], painted_as == c, usual=usual
            )
        offsets[c] = -cut
    if steadied is not None:
        offsets = steadied(offsets, others)
    for c in others:
        _soften(offsets, c, told[painted_as == c])
    return offsets


def first_offsets(
    out_of_bag: ArrayLike, classes: ArrayLike, *, usual: float = USUAL_CUT
) -> NDArray[np.float64]:
    """Offsets of the classes' odds before anything of the image was looked at.

    Parameters
    ----------
    out_of_bag, classes, usual
        As in `class_offsets`.
    """
    told, painted_as = np.asarray(out_of_bag, float), np.asarray(classes, np.intp)
    painted = np.unique(painted_as)
    offsets = np.zeros(told.shape[1])
    for c in painted[painted > painted[0]]:
        offsets[c] = -usual
    for c in painted[painted > painted[0]]:
        _soften(offsets, c, told[painted_as == c])
    return offsets


def sampling_of(strokes: int, before: int | None, *, known: int = 0) -> float:
    """Tell how far strokes are like a sample: 1 at first, towards 0 by corrections.

    Parameters
    ----------
    strokes
        All of them.
    before
        How many were painted before a picture was shown; None = all, as in a file of
        labels that tells nothing.
    known
        Strokes that labels of other images count for: these correct nothing, either.
    """
    before = strokes if before is None else min(before, strokes)
    corrections, before = strokes - before, before + known
    total = before**2 + CORRECTION * corrections
    return before**2 / total if total > 0 else 0.0


def best_cut(
    image: ArrayLike,
    out_of_bag: ArrayLike,
    own: ArrayLike,
    *,
    usual: float = USUAL_CUT,
) -> float:
    """Find the cut of a class against the rest that promises the best Dice.

    Above a cut z lie a share c(z) of the image, which is counted, and a share R(z) of
    the class, which its painted voxels tell. With a share s of the class in the image,
    Dice is ``2 s R(z) / (s + c(z))``. Its maximum hardly depends on s, which
    is counted at two probabilities. With few painted voxels the cut is drawn to a usual
    one.

    Parameters
    ----------
    image
        ``(n,)`` probabilities of the class at a fair sample of the image's voxels.
    out_of_bag
        ``(m,)`` probabilities of it at painted voxels.
    own
        ``(m,)`` bool: whether they were painted as this class.
    usual
        Of a rare class, as a logit.

    Returns
    -------
    float
        A logit, at most `LARGEST_CUT`, and with `STAYS` of the painted voxels above.
    """
    everywhere, told = np.asarray(image, float), np.asarray(out_of_bag, float)
    mine = told[np.asarray(own, bool)]
    common = min(float((everywhere > 0.5).mean()), 0.5)
    usual *= 1 - 2 * common
    if not len(mine):
        return usual
    below = np.searchsorted(np.sort(everywhere), expit(CUTS), side="right")
    counted = (len(everywhere) - below + 0.5) / (len(everywhere) + 1)
    few = _odds(mine[:: max(1, len(mine) // 5000)])
    recall = ndtr((few[:, None] - CUTS) / BAND).sum(0) + ndtr(1.4 - CUTS)
    recall /= len(few) + 1
    shares = [estimate_share(everywhere, told, own, at=at) for at in ANCHORS]
    found = [CUTS[np.argmax(recall / (share + counted))] for share in shares]
    weight = len(mine) / (len(mine) + USUAL_VOXELS)
    # Painted cores of a common class promise more than is there: its cut stays near.
    rare = 1 - (2 * common) ** 3
    cut = weight * rare * float(np.mean(found)) + (1 - weight) * usual
    highest = min(float(_odds(np.quantile(mine, 1 - STAYS))), LARGEST_CUT)
    return float(np.clip(min(cut, highest), CUTS[0], LARGEST_CUT))


def estimate_share(
    image: ArrayLike, out_of_bag: ArrayLike, own: ArrayLike, *, at: float
) -> float:
    """Share of a class: counted above a cut, corrected by the rates out of bag.

    Parameters
    ----------
    image, out_of_bag, own
        As in `best_cut`.
    at
        Probability at which voxels are counted.
    """
    told, mine = np.asarray(out_of_bag, float), np.asarray(own, bool)
    true = float((told[mine] > at).mean()) if mine.any() else 1.0
    false = float((told[~mine] > at).mean()) if (~mine).any() else 0.0
    counted = float((np.asarray(image) > at).mean())
    return float(np.clip((counted - false) / max(true - false, 0.05), 1e-4, 0.99))


def apply_offsets(probabilities: ArrayLike, offsets: ArrayLike) -> NDArray[np.float64]:
    """Probabilities ``(…, class)`` after offsets of their odds."""
    odds = np.log(np.clip(np.asarray(probabilities, float), 1e-6, 1.0))
    odds = odds + np.asarray(offsets, float)
    return np.asarray(np.exp(odds - logsumexp(odds, axis=-1, keepdims=True)))


def _soften(offsets: NDArray[np.float64], index: int, mine: NDArray) -> None:
    """No class may lose too many of its own painted voxels to all others together."""
    before = float((mine.argmax(1) == index).mean())
    for _ in range(TRIES):
        kept = float((apply_offsets(mine, offsets).argmax(1) == index).mean())
        if offsets[index] >= 0 or kept >= min(0.9 * STAYS, before):
            return
        offsets[index] *= 0.8


def _odds(p: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(np.asarray(p, float), SURE, 1 - SURE)))
