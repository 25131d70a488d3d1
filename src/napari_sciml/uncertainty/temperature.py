"""Temperature scaling: one number that makes probabilities as sure as they are right.

References
----------
Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML
(2017), arXiv:1706.04599.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax

from napari_sciml.errors import InputError

LOWEST, HIGHEST = 0.05, 20.0
FEWEST_LABELS = 20
"""With fewer held-out voxels the temperature stays 1."""
GRID = 25


def fit_temperature(
    logits: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Find the temperature at which held-out labels are likeliest.

    Minimizes the negative log likelihood of the mean over the members of
    softmax(logits / temperature). The members together: a mean of members that are
    each calibrated is not sure enough.

    Parameters
    ----------
    logits
        ``(n, class)``, or ``(member, n, class)`` of an ensemble. Logarithms of
        probabilities will do.
    truth
        ``(n,)`` class indices.
    weights
        ``(class,)`` weight of a voxel of each class, 1 by default;
        ``exp(log_prior_ratio(prior, shares of truth))`` calibrates for an image in
        which the classes have other shares.

    Returns
    -------
    float
        Between 0.05 and 20; above 1 the networks were too sure. 1 if there are
        under 20 voxels or fewer than two classes among them.

    Raises
    ------
    InputError
        If shapes or values do not fit.
    """
    z, classes, weight = _checked(logits, truth, weights)
    used = weight > 0
    z, classes, weight = z[:, used], classes[used], weight[used]
    if len(classes) < FEWEST_LABELS or len(np.unique(classes)) < 2:
        return 1.0
    weight = weight / weight.mean()

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(z / np.exp(log_temperature), axis=-1)
        true = scaled[:, np.arange(len(classes)), classes]
        likelihood = logsumexp(true, axis=0) - np.log(len(z))
        # A weak prior (a factor of e is one sigma): where every held-out voxel is
        # right the likelihood alone wants the temperature 0.
        return float(0.5 * log_temperature**2 - weight @ likelihood)

    # A mean over members can have several minima: look round before going down.
    grid = np.linspace(np.log(LOWEST), np.log(HIGHEST), GRID)
    best = int(np.argmin([loss(x) for x in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.clip(np.exp(found.x), LOWEST, HIGHEST))


def tempered(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities at a temperature; the mean over the members of an ensemble.

    Parameters
    ----------
    logits
        ``(n, class)`` or ``(member, n, class)``.
    temperature
        From `fit_temperature`.

    Returns
    -------
    ndarray
        ``(n, class)``.

    Raises
    ------
    InputError
        If the temperature is not above 0 or the shape does not fit.
    """
    z = _members(logits)
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"The temperature is {temperature}; give one above 0.")
    return np.asarray(softmax(z / temperature, axis=-1).mean(axis=0))


def _members(logits: ArrayLike) -> NDArray[np.float64]:
    z = np.asarray(logits, np.float64)
    if z.ndim == 2:
        z = z[None]
    if z.ndim != 3 or not len(z) or z.shape[2] < 2:
        raise InputError(
            "The temperature needs logits (n, class) or (member, n, class) of two "
            f"classes or more, not {np.shape(logits)}."
        )
    return z


def _checked(
    logits: ArrayLike, truth: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    z, classes = _members(logits), np.asarray(truth)
    if classes.shape != z.shape[1:2]:
        raise InputError(
            f"There are logits of {z.shape[1]} voxels, but the true classes have shape "
            f"{classes.shape}."
        )
    if np.isnan(z).any() or np.isposinf(z).any():
        raise InputError("The logits must be numbers, without NaN.")
    count = z.shape[2]
    if classes.size and (
        classes.dtype.kind not in "ui" or classes.min() < 0 or classes.max() >= count
    ):
        raise InputError(
            f"The true classes must be indices between 0 and {count - 1}; leave out "
            "voxels that are not annotated."
        )
    each = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if each.shape != (count,) or not np.all(np.isfinite(each) & (each >= 0)):
        raise InputError(f"Give {count} weights, one a class, none of them negative.")
    # A certain and wrong member (log 0) costs much, not infinitely much.
    z = np.maximum(z, z.max(axis=-1, keepdims=True) - 1e3)
    return z, classes.astype(np.int64), each[classes.astype(np.int64)]
