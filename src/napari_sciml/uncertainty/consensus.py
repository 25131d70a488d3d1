"""How much of the image a class takes, told from what the ensemble agrees on.

Scribbles are no fair sample: people paint what is rare, and what is hard beside it.
Both shift the odds that a network learns, so that 0.5 is the wrong cut. Estimates
that assume that only the shares differ (`napari_sciml.uncertainty.prior`) overshoot,
as background in the open is easier than the background that people paint. But what
an ensemble takes for a rare class by mistake, its members mistake in different
places: they agree where the class is. The share of voxels above even odds counts such
mistakes, that of voxels in which the mean less a standard deviation is above even odds
leaves out some of the class; their geometric mean is taken as the share of the class,
and the odds are shifted until as many voxels are above even odds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from napari_sciml.errors import InputError

EVEN = 0.5
FEWEST_VOXELS = 20
"""A share that fewer voxels of a sample stand for is not an estimate."""
LIMIT = 10.0
HALVINGS = 14
"""Of 20: to about 0.001, less than anything that a prediction can show."""
CYCLES = 4


def consensus_shares(members: ArrayLike) -> NDArray[np.float64]:
    """Share of each class, between what is likeliest and what the members agree on.

    Parameters
    ----------
    members
        ``(member, n, class)`` probabilities of voxels that are a fair sample.

    Returns
    -------
    ndarray
        ``(class,)``, adds up to 1: what no class is sure of goes to the commonest
        one. NaN for a class that hardly any voxel is surely of.
    """
    p = _checked(members)
    spread = p.std(0, ddof=1) if len(p) > 1 else np.zeros(p.shape[1:])
    mean = p.mean(0)
    sure = (mean - spread > EVEN).sum(0)
    likely = np.bincount(mean.argmax(1), minlength=p.shape[2])
    shares = np.sqrt(sure * np.maximum(sure, likely)) / p.shape[1]
    shares[sure < FEWEST_VOXELS] = np.nan
    commonest = int(p.mean((0, 1)).argmax())
    shares[commonest] = 1 - np.nansum(np.delete(shares, commonest))
    return np.asarray(shares)


def offsets_for_shares(
    logits: ArrayLike,
    shares: Sequence[float] | NDArray[np.float64],
    *,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Offsets of the logits that make each class the likeliest in its share of voxels.

    Likeliest by the mean of the members' probabilities, as an ensemble decides.

    Parameters
    ----------
    logits
        ``(member, n, class)`` of voxels that are a fair sample, divided by the
        temperature.
    shares
        ``(class,)``; all but that of the commonest class are met, one after the
        other, several times over. NaN = not known: the logits of the class stay as
        they are.
    weights
        Of the members; None = all the same.

    Returns
    -------
    ndarray
        ``(class,)``, 0 for the commonest class, never beyond +-`LIMIT`.

    Raises
    ------
    InputError
        When there is not one share for each class.
    """
    z = _checked(logits)
    if len(shares) != z.shape[2]:
        raise InputError(
            f"There are {z.shape[2]} classes, but {len(shares)} shares were given: "
            "give one for each class."
        )
    known = np.nan_to_num(np.asarray(shares, np.float64), nan=-1.0)
    offsets = np.zeros(z.shape[2])
    rare = [c for c in range(z.shape[2]) if c != known.argmax() and known[c] >= 0]
    for _ in range(1 if len(rare) == 1 else CYCLES):
        for index in rare:
            offsets[index] = _bisect(z, offsets, index, known[index], weights)
    return offsets


def _bisect(
    z: NDArray[np.float32],
    offsets: NDArray[np.float64],
    index: int,
    share: float,
    weights: NDArray[np.float64] | None,
) -> float:
    """The offset of one class at which it has its share; it grows with the offset."""
    low, high = -LIMIT, LIMIT
    for _ in range(HALVINGS):
        trial = offsets.copy()
        trial[index] = (low + high) / 2
        members = softmax(z + trial.astype(np.float32), axis=-1)
        mean = np.average(members, axis=0, weights=weights)
        if (mean.argmax(1) == index).mean() > share:
            high = trial[index]
        else:
            low = trial[index]
    return (low + high) / 2


def agreement(members: ArrayLike) -> NDArray[np.float64]:
    """Overlap (Dice) of each member with the mean of the others, averaged.

    Networks that are trained independently differ from each other about as much as
    they differ from the truth, so this is an estimate of the true Dice that needs
    no labels (Jiang, Nagarajan, Baek and Kolter, *Assessing generalization of SGD
    via disagreement*, ICLR 2022).

    Parameters
    ----------
    members
        As in `consensus_shares`.

    Returns
    -------
    ndarray
        ``(class,)``; NaN for a class that nobody sees, or with a single member.
    """
    p = _checked(members)
    if len(p) < 2:
        return np.full(p.shape[2], np.nan)
    total = p.sum(0)
    rows = []
    for member in p:
        own, others = member.argmax(1), (total - member).argmax(1)
        rows.append([_dice(own == c, others == c) for c in range(p.shape[2])])
    return np.asarray(np.mean(rows, axis=0))


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    size = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / size if size else float("nan")


def _checked(members: ArrayLike) -> NDArray[np.float32]:
    p = np.asarray(members, np.float32)
    if p.ndim != 3 or p.shape[2] < 2 or not p.shape[0] * p.shape[1]:
        raise InputError(
            f"Class shares need an array (member, n, class) of one voxel or more "
            f"and two classes or more, not {p.shape}."
        )
    return p
