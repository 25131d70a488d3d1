"""What an ensemble says together: mean, standard deviation, entropy, quantiles.

Mean, standard deviation and mutual information take one member after the other;
quantiles need all of them at once. But for what has "entropy" or "information" in
its name, the values may be anything: class probabilities ``(class, ...)`` as well as
the values ``(...)`` of a regression, with any number of axes.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from napari_sciml.errors import InputError

_SINGLE = 4  # bytes


class RunningStatistics:
    """Mean and standard deviation of members that come one after the other.

    Holds two arrays, however many members there are. Takes numpy arrays as well as
    torch tensors on any device, and gives back the same kind; half precision is
    widened to float32.

    Parameters
    ----------
    entropies
        Whether to hold the mean entropy of the members too, for
        `mutual_information`; the first axis is then the class.

    References
    ----------
    Welford, Technometrics 4 (1962) 419-420.
    West, Communications of the ACM 22 (1979) 532-535, for weights.
    """

    def __init__(self, *, entropies: bool = False) -> None:
        self._count = 0
        self._weight = self._square_weight = 0.0
        self._entropies = entropies
        self._entropy: Any = None
        self._mean: Any = None
        self._squares: Any = None

    @property
    def count(self) -> int:
        """Members so far."""
        return self._count

    def add(self, values: Any, weight: float = 1.0) -> None:
        """Take in one member.

        Parameters
        ----------
        values
            Its probabilities, or what it predicts; every member has the same shape.
        weight
            How much it counts; only the ratios to other members matter.

        Raises
        ------
        InputError
            If the shape differs from that of the first member, or there are fewer
            than two classes where entropies are asked for.
        """
        values = _widened(values)
        self._weight += weight
        self._square_weight += weight**2
        if self._count == 0:
            if self._entropies:
                self._entropy = _relative_entropy(values)
            self._count, self._mean, self._squares = 1, values * 1.0, values * 0.0
            return
        if tuple(values.shape) != tuple(self._mean.shape):
            raise InputError(
                f"A member has shape {tuple(values.shape)}, the first one had "
                f"{tuple(self._mean.shape)}; all must predict the same voxels."
            )
        self._count += 1
        share = weight / self._weight
        if self._entropies:
            own = _relative_entropy(values)
            self._entropy = self._entropy + (own - self._entropy) * share
        delta = values - self._mean
        self._mean = self._mean + delta * share
        # Never negative, unlike the product of the two deviations when rounded.
        self._squares = self._squares + delta**2 * (weight * (1 - share))

    @property
    def mean(self) -> Any:
        """Mean over the members."""
        self._need_members()
        return self._mean

    @property
    def std(self) -> Any:
        """Sample standard deviation over the members; 0 for a single one.

        With weights w, squares are divided by ``sum(w) - sum(w²) / sum(w)``, which is
        the number of members less one where all weigh the same.
        """
        self._need_members()
        freedom = self._weight - self._square_weight / self._weight
        return (self._squares / freedom) ** 0.5 if self._count > 1 else self._squares

    @property
    def mutual_information(self) -> Any:
        """Entropy of the mean less the mean entropy, ``(...)``.

        In the unit of `entropy`, a part of the largest possible: the part of it that
        comes from members that contradict each other, and would go with more labels;
        the rest is what each of them finds ambiguous. 0 for one member.

        Raises
        ------
        InputError
            If there are no members or the entropies were not asked for.

        References
        ----------
        Houlsby, Huszár, Ghahramani & Lengyel, "Bayesian active learning for
        classification and preference learning", arXiv:1112.5745 (2011), equation 2.
        """
        self._need_members()
        if not self._entropies:
            raise InputError(
                "The mutual information needs RunningStatistics(entropies=True)."
            )
        # Jensen: not negative, but for rounding.
        return (_relative_entropy(self._mean) - self._entropy).clip(0.0, 1.0)

    def _need_members(self) -> None:
        if self._count == 0:
            raise InputError("The ensemble has no members; train at least one.")


def ensemble_statistics(probabilities: Any) -> tuple[Any, Any]:
    """Mean and standard deviation over the members of an ensemble.

    Parameters
    ----------
    probabilities
        ``(member, class, ...)``, a numpy array or a torch tensor, or any iterable of
        members.

    Returns
    -------
    mean, std
        ``(class, ...)`` each. `std` is the true standard deviation over the members,
        not the standard error of the mean: more members do not make it smaller. It
        is that of a sample (divided by members - 1), as the members are a sample of
        the networks that the same training could have given; 0 for one member.

    Raises
    ------
    InputError
        If there are no members or their shapes differ.
    """
    statistics = RunningStatistics()
    for member in probabilities:
        statistics.add(member)
    return statistics.mean, statistics.std


def mutual_information(probabilities: Any) -> Any:
    """What members disagree about; see `RunningStatistics.mutual_information`.

    Parameters
    ----------
    probabilities
        ``(member, class, ...)``, a numpy array or a torch tensor, or any iterable of
        members.

    Returns
    -------
    ``(...)``, 0 (all say the same) to 1 (each is certain of another class).

    Raises
    ------
    InputError
        If there are no members, their shapes differ or there are fewer than two
        classes.
    """
    statistics = RunningStatistics(entropies=True)
    for member in probabilities:
        statistics.add(member)
    return statistics.mutual_information


def ensemble_quantiles(
    members: Any, quantiles: float | Sequence[float]
) -> NDArray[np.floating]:
    """Exact quantiles over the members of an ensemble.

    All members are held in memory, unlike for mean and standard deviation: take a
    block or a class of a large volume at a time.

    Parameters
    ----------
    members
        ``(member, ...)``, arrays or tensors, or any iterable of members.
    quantiles
        Between 0 and 1. Few members tell little about far ones: the least of five
        is already a quantile of 0, between two members one goes on a straight line.

    Returns
    -------
    ndarray
        ``(quantile, ...)``, or ``(...)`` for a single number. Those of probabilities
        do not add up to 1 over the classes.

    Raises
    ------
    InputError
        If there are no members, their shapes differ, or a quantile is not between 0
        and 1.
    """
    wanted = np.asarray(quantiles, np.float64)
    if wanted.ndim > 1 or not np.all((wanted >= 0) & (wanted <= 1)):
        raise InputError(f"The quantiles are {quantiles}; give them between 0 and 1.")
    arrays = [_numpy(member) for member in members]
    if not arrays:
        raise InputError("The ensemble has no members; train at least one.")
    if len({array.shape for array in arrays}) > 1:
        raise InputError(
            "The members have different shapes; all must predict the same voxels."
        )
    stack = np.stack(arrays)
    found = np.quantile(stack, wanted, axis=0, overwrite_input=True)
    return np.asarray(found, stack.dtype)


def entropy(mean: ArrayLike) -> NDArray[np.float32]:
    """Shannon entropy of the mean probability, as a part of the largest possible.

    Parameters
    ----------
    mean
        ``(class, ...)`` probabilities that add up to 1.

    Returns
    -------
    ndarray
        float32 ``(...)``: 0 = one class is certain, 1 = all classes alike.

    Raises
    ------
    InputError
        If there are fewer than two classes.
    """
    values = np.asarray(mean)
    if values.ndim == 0 or len(values) < 2:
        raise InputError("The entropy needs two classes or more along the first axis.")
    total = np.zeros(values.shape[1:], np.float32)
    for one_class in values:
        total += entr(np.clip(one_class.astype(np.float32), 0.0, 1.0))
    return np.clip(total / np.float32(np.log(len(values))), 0.0, 1.0)


def _widened(values: Any) -> Any:
    """Half precision to single: sums of squares need the digits."""
    if not hasattr(values, "dtype"):
        return np.asarray(values, np.float64)
    if values.dtype.itemsize >= _SINGLE:
        return values
    return values.float() if hasattr(values, "float") else values.astype(np.float32)


def _relative_entropy(values: Any) -> Any:
    """`entropy` of numpy arrays and of tensors."""
    if not hasattr(values, "xlogy"):
        return entropy(values)
    if values.ndim == 0 or len(values) < 2:
        raise InputError("The entropy needs two classes or more along the first axis.")
    return (-values.xlogy(values).sum(0) / math.log(len(values))).clip(0.0, 1.0)


def _numpy(values: Any) -> NDArray[np.floating]:
    wide = _widened(values)
    array = np.asarray(wide.detach().cpu() if hasattr(wide, "detach") else wide)
    return array if array.dtype.kind == "f" else array.astype(np.float64)
