"""How common the classes are in the whole image, and probabilities that know it.

People paint a rare class far more often than it occurs: scribbles hold 40 % fiber
where the volume holds 2 %. A network learns the shares that it was shown, and its
probabilities come out too high for what is rare. Where only the shares differ
("label shift"), they can be estimated without labels and the probabilities corrected.

References
----------
Saerens, Latinne & Decaestecker, "Adjusting the outputs of a classifier to new a
priori probabilities: a simple procedure", Neural Computation 14 (2002) 21-41.
Lipton, Wang & Smola, "Detecting and correcting for label shift with black box
predictors", ICML (2018), arXiv:1802.03916.
Duchi, Shalev-Shwartz, Singer & Chandra, "Efficient projections onto the l1-ball",
ICML (2008).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError

EM_ITERATIONS = 2000
EM_CHANGE = 1e-7
"""Largest change of a share at which the iteration stops."""
WORST_CONDITION = 1e3
"""Condition of the confusion matrix above which classes cannot be told apart."""


def estimate_prior_em(
    probabilities: ArrayLike, training_prior: ArrayLike
) -> NDArray[np.float64]:
    """Estimate the shares of the classes by expectation maximization.

    The maximum likelihood estimate (the likelihood is concave, so there is one),
    if the probabilities are calibrated under the training shares: over- or
    underconfident ones must be calibrated first (`fit_temperature`), or the
    estimate overshoots.

    Parameters
    ----------
    probabilities
        ``(n, class)`` of a fair sample of the voxels, as the network gives them.
    training_prior
        ``(class,)`` shares that the network was trained for: those of the labels,
        or all the same if the loss or the sampling balanced the classes.

    Returns
    -------
    ndarray
        ``(class,)``, adds up to 1. A class that the network was not trained for
        (share 0) gets 0.

    Raises
    ------
    InputError
        If shapes or values do not fit, or there are no voxels.

    References
    ----------
    Saerens et al. (2002), equation 2.9.
    """
    trained = _distribution(training_prior, "The training shares")
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or p.shape[1] != len(trained) or not len(p):
        raise InputError(
            f"The class shares need probabilities (n, {len(trained)}) of one voxel or "
            f"more, not {p.shape}."
        )
    if not (np.all(p >= 0) and np.all(np.isfinite(p))):
        raise InputError("The probabilities must not be negative or NaN.")
    likelihood = p * _divide(np.ones(len(trained)), trained)
    likelihood = likelihood[likelihood.sum(axis=1) > 0]
    prior = trained
    for _ in range(EM_ITERATIONS if len(likelihood) else 0):
        # Mean over voxels of q / sum(q), as two products with a vector.
        evidence = likelihood @ prior
        evidence[evidence == 0] = np.inf
        updated = prior * ((1 / evidence) @ likelihood)
        updated /= updated.sum()
        done = np.abs(updated - prior).max() < EM_CHANGE
        prior = updated
        if done:
            break
    return prior


def estimate_prior_bbse(
    confusion: ArrayLike, predicted_shares: ArrayLike
) -> NDArray[np.float64]:
    """Estimate the shares of the classes from what is predicted and how often wrong.

    Solves ``predicted = P(predicted | true) shares`` and projects the solution onto
    the simplex. Needs no calibrated probabilities, but held-out labels that are as
    hard as the rest of the image.

    Parameters
    ----------
    confusion
        ``(class, class)`` of held-out voxels, true class along the rows, predicted
        class along the columns: counts, or sums of probabilities.
    predicted_shares
        ``(class,)`` share of the image predicted as each class, in the same way.

    Returns
    -------
    ndarray
        ``(class,)``, adds up to 1.

    Raises
    ------
    InputError
        If shapes or values do not fit, a class has no held-out voxels, or the
        predictions do not tell the classes apart.

    References
    ----------
    Lipton et al. (2018), section 4.
    """
    predicted = _distribution(predicted_shares, "The predicted shares")
    counts = np.asarray(confusion, np.float64)
    if counts.shape != (len(predicted),) * 2 or not np.all(
        np.isfinite(counts) & (counts >= 0)
    ):
        raise InputError(
            f"The confusion matrix must hold {len(predicted)} x {len(predicted)} "
            f"counts, but has shape {counts.shape} or values that are no counts."
        )
    totals = counts.sum(axis=1)
    if not totals.all():
        raise InputError(
            f"Class {int(np.argmin(totals > 0)) + 1} has no held-out voxels: annotate "
            "more of it, or give the class shares by hand."
        )
    given_true = (counts / totals[:, None]).T
    if np.linalg.cond(given_true) > WORST_CONDITION:
        raise InputError(
            "The predictions do not tell the classes apart: train longer or annotate "
            "more before the class shares are estimated."
        )
    return project_onto_simplex(np.linalg.solve(given_true, predicted))


def project_onto_simplex(values: ArrayLike) -> NDArray[np.float64]:
    """Nearest point whose entries are not negative and add up to 1.

    References
    ----------
    Duchi et al. (2008), figure 1.
    """
    v = np.asarray(values, np.float64)
    descending = np.sort(v)[::-1]
    excess = (np.cumsum(descending) - 1) / np.arange(1, len(v) + 1)
    last = np.flatnonzero(descending > excess)[-1]
    projected = np.maximum(v - excess[last], 0.0)
    return np.asarray(projected / projected.sum())


def log_prior_ratio(prior: ArrayLike, training_prior: ArrayLike) -> NDArray[np.float64]:
    """What has to be added to the logits of a network for other class shares.

    Parameters
    ----------
    prior
        ``(class,)`` shares in the image.
    training_prior
        ``(class,)`` shares that the network was trained for.

    Returns
    -------
    ndarray
        ``(class,)`` log(prior / training_prior); -inf for a class that does not
        occur. Its exponential is what `calibrate` takes as ``weights``.

    Raises
    ------
    InputError
        If the shares do not fit, or a class occurs that was not trained.
    """
    wanted = _distribution(prior, "The class shares")
    trained = _distribution(training_prior, "The training shares")
    if len(wanted) != len(trained):
        raise InputError(
            f"There are {len(wanted)} class shares, but {len(trained)} training "
            "shares; give one for each class."
        )
    unknown = np.flatnonzero((wanted > 0) & (trained == 0))
    if len(unknown):
        raise InputError(
            f"Class {unknown[0] + 1} shall occur, but has no labels: annotate some, or "
            "set its share to 0."
        )
    with np.errstate(divide="ignore"):
        return np.log(_divide(wanted, trained))


def correct(
    probabilities: ArrayLike, ratio: ArrayLike, *, axis: int = 0
) -> NDArray[np.floating]:
    """Probabilities under other class shares: Bayes' rule with the new prior.

    Parameters
    ----------
    probabilities
        ``(class, ...)``, or with the class along `axis`.
    ratio
        ``(class,)`` from `log_prior_ratio`.
    axis
        Axis of the class.

    Returns
    -------
    ndarray
        The same shape; adds up to 1 over the classes. A voxel that has only classes
        that do not occur gets the same probability for all that do.

    Raises
    ------
    InputError
        If the number of classes differs or no class occurs.

    References
    ----------
    Saerens et al. (2002), equation 2.4.
    """
    values, shift = np.asarray(probabilities), np.asarray(ratio, np.float64)
    if values.dtype.kind != "f" or values.dtype == np.float16:
        values = values.astype(np.float32)
    if values.ndim == 0 or shift.shape != (values.shape[axis],):
        raise InputError(
            f"The probabilities have shape {values.shape}, but the ratio has "
            f"{shift.shape}; give one number for each class along axis {axis}."
        )
    if np.isnan(shift).any() or not np.isfinite(shift.max()):
        raise InputError("The ratio must hold a finite number for one class or more.")
    # The largest factor is 1, so that nothing overflows.
    factor = np.exp(shift - shift.max()).astype(values.dtype)
    shape = [-1 if i == axis % values.ndim else 1 for i in range(values.ndim)]
    corrected = values * factor.reshape(shape)
    total = corrected.sum(axis=axis, keepdims=True)
    fallback = (factor > 0).reshape(shape).astype(values.dtype) / (factor > 0).sum()
    safe = np.where(total > 0, total, 1)
    return np.asarray(np.where(total > 0, corrected / safe, fallback), values.dtype)


def _distribution(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Shares that add up to 1, of whatever adds up to something."""
    shares = np.asarray(values, np.float64)
    if shares.ndim != 1 or len(shares) < 2:
        raise InputError(f"{name} must be one number for each of two classes or more.")
    if not np.all(np.isfinite(shares) & (shares >= 0)) or shares.sum() <= 0:
        raise InputError(f"{name} must not be negative, and one must be above 0.")
    return shares / shares.sum()


def _divide(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
