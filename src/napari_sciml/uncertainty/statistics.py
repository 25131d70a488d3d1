"""What an ensemble says together: mean, standard deviation, entropy."""

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

    References
    ----------
    Welford, Technometrics 4 (1962) 419-420.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: Any = None
        self._squares: Any = None

    @property
    def count(self) -> int:
        """Members so far."""
        return self._count

    def add(self, values: Any) -> None:
        """Take in one member.

        Parameters
        ----------
        values
            Its probabilities; every member has the same shape.

        Raises
        ------
        InputError
            If the shape differs from that of the first member.
        """
        values = _widened(values)
        if self._count == 0:
            self._count, self._mean, self._squares = 1, values * 1.0, values * 0.0
            return
        if tuple(values.shape) != tuple(self._mean.shape):
            raise InputError(
                f"A member has shape {tuple(values.shape)}, the first one had "
                f"{tuple(self._mean.shape)}; all must predict the same voxels."
            )
        self._count += 1
        delta = values - self._mean
        self._mean = self._mean + delta / self._count
        # Never negative, unlike the product of the two deviations when rounded.
        self._squares = self._squares + delta**2 * ((self._count - 1) / self._count)

    @property
    def mean(self) -> Any:
        """Mean over the members."""
        self._need_members()
        return self._mean

    @property
    def std(self) -> Any:
        """Sample standard deviation over the members; 0 for a single one."""
        self._need_members()
        return (self._squares / max(self._count - 1, 1)) ** 0.5

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
