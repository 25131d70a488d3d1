"""Weibull and log-normal distributions of length, by maximum likelihood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

Array = NDArray[np.float64]
Family = Literal["weibull", "lognormal"]

_FEWEST = 5
_NARROW = 1e-6
_ROUNDS = 30
_SCIPY = {"weibull": "weibull_min", "lognormal": "lognorm"}


@dataclass(frozen=True)
class LengthFit:
    """A fitted distribution, as in `scipy.stats` with ``loc = 0``.

    Attributes
    ----------
    family
        ``weibull`` (`scipy.stats.weibull_min`) or ``lognormal``
        (`scipy.stats.lognorm`).
    shape, scale
        Weibull: k and lambda. Log-normal: sigma and exp(mu).
    aic
        Akaike's information criterion of each family, per fiber: 2 parameters each,
        so that the more likely one is chosen.
    """

    family: Family
    shape: float
    scale: float
    aic: Mapping[str, float]

    def density(self, lengths: Array) -> Array:
        """Share of the fibers per unit of length."""
        return density(self.family, lengths, self.shape, self.scale)

    @property
    def mean(self) -> float:
        """Mean length."""
        return float(mean_of(self.family, self.shape, self.scale))


def fit_lengths(lengths: Array, weights: Array) -> LengthFit | None:
    """Fit both families and choose the one of the lower AIC.

    Parameters
    ----------
    lengths, weights
        ``(n,)``; a fiber of weight 2 counts as two.

    Returns
    -------
    LengthFit or None
        None with fewer than five fibers, or all of one length.
    """
    used = (lengths > 0) & (weights > 0)
    values, share = lengths[used], weights[used] / max(float(weights[used].sum()), 1e-9)
    if len(values) < _FEWEST or float(np.log(values).std()) < _NARROW:
        return None
    fits = {}
    for family in ("weibull", "lognormal"):
        shape, scale = map(float, fit_many(family, values, share[None])[0])
        logs = np.log(np.maximum(density(family, values, shape, scale), 1e-300))
        fits[family] = (shape, scale, (2 * 2 / len(values)) - 2 * float(share @ logs))
    best = min(fits, key=lambda name: fits[name][2])
    aic = {name: fit[2] for name, fit in fits.items()}
    return LengthFit(best, fits[best][0], fits[best][1], aic)  # type: ignore[arg-type]


def fit_many(family: str, lengths: Array, weights: NDArray[np.floating]) -> Array:
    """Fit many weightings ``(k, n)`` of the same lengths ``(n,)`` at once.

    Returns
    -------
    ndarray
        ``(k, 2)``: shape and scale.
    """
    logs = np.log(lengths)
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
    middle = share @ logs
    spread = np.sqrt(np.maximum(share @ logs**2 - middle**2, _NARROW**2))
    if family == "lognormal":
        return np.stack([spread, np.exp(middle)], axis=1)
    return _weibull(logs, share, middle, spread)


def density(family: str, lengths: Array, shape: float, scale: float) -> Array:
    """Probability density of one distribution at lengths of any shape."""
    # Half a second, which a window that opens should not wait for.
    from scipy import stats

    # Drawn anew, a few fibers may all be of one length: the fit is a needle then, and
    # next to nothing anywhere else.
    with np.errstate(all="ignore"):
        found = np.asarray(
            getattr(stats, _SCIPY[family]).pdf(lengths, shape, scale=scale)
        )
    return np.nan_to_num(found, nan=0.0, posinf=np.inf)


def mean_of(family: str, shape: Array | float, scale: Array | float) -> Array:
    """Mean of distributions with these parameters."""
    if family == "weibull":
        return np.asarray(scale * gamma(1 + 1 / np.asarray(shape)))
    return np.asarray(scale * np.exp(np.asarray(shape) ** 2 / 2))


def _weibull(logs: Array, share: Array, middle: Array, spread: Array) -> Array:
    """Solve the likelihood equation of the shape by Newton's method.

    sum w x^k log x / sum w x^k - 1 / k = sum w log x (Johnson, Kotz & Balakrishnan,
    "Continuous Univariate Distributions", vol. 1, 1994, eq. 21.50); its left side
    grows with k, so that there is one solution.
    """
    top = float(logs.max())
    shift = logs - top  # powers of lengths relative to the longest do not overflow
    shape = np.pi / np.sqrt(6) / spread
    for _ in range(_ROUNDS):
        powers = share * np.exp(shape[:, None] * shift)
        sums = powers @ np.stack([np.ones_like(shift), shift, shift**2], axis=1)
        first, second = (sums[:, 1:] / np.maximum(sums[:, :1], 1e-300)).T
        gap = first - 1 / shape - (middle - top)
        step = gap / (second - first**2 + 1 / shape**2)
        shape = np.clip(shape - step, shape / 3, 3 * shape)
        if np.all(np.abs(step) < 1e-9 * shape):
            break
    mean = (share * np.exp(shape[:, None] * shift)).sum(axis=1)
    scale = np.exp(top + np.log(np.maximum(mean, 1e-300)) / shape)
    return np.stack([shape, scale], axis=1)
