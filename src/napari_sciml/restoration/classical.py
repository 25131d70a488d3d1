"""Filters that need no training, and their strength, chosen without the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from napari_sciml.restoration.noise import NoiseReport

Filter = Literal["tv", "nlm", "gaussian"]
FILTERS: tuple[Filter, ...] = ("tv", "nlm", "gaussian")
STRENGTHS: dict[str, tuple[float, ...]] = {
    "gaussian": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5),
    "tv": (0.25, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.0, 5.5),
    "nlm": (0.3, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0),
}
"""To choose from: sd in voxels of a Gaussian, otherwise in units of the noise."""
TV_STEPS = 40
PATCH, SEARCH = 5, 6
TRUNCATE = 4.0
STEP = 0.05
"""Of the noise, that the image is changed by to see how a filter follows noise."""


@dataclass(frozen=True)
class Strength:
    """A strength, and what it is expected to leave of the error.

    Attributes
    ----------
    value
        As in `STRENGTHS`.
    risk
        Expected squared error, over the variance of the noise; 1 = as without.
    """

    value: float
    risk: float


def apply_filter(
    method: str, image: np.ndarray, strength: float, sd: float
) -> np.ndarray:
    """Filter gray values, ``(y, x)`` or ``(z, y, x)``.

    Parameters
    ----------
    method
        "gaussian"; "tv": total variation (Chambolle 2004), `TV_STEPS` steps; "nlm":
        non-local means (Buades 2005), slice by slice.
    image
        Any gray scale.
    strength
        As in `STRENGTHS`.
    sd
        Of the noise.

    Returns
    -------
    numpy.ndarray
        float32. Voxels farther away than `filter_halo` have no influence.
    """
    offset = float(image.flat[0])
    values = (image.astype(np.float64) - offset) / sd
    found = _FILTERS[method](values, strength)
    return (found * sd + offset).astype(np.float32)


def filter_halo(method: str, ndim: int, strength: float) -> tuple[int, ...]:
    """Voxels along each axis that a filter looks at around one."""
    if method == "gaussian":
        return (int(TRUNCATE * strength + 0.5),) * ndim
    if method == "tv":
        return (TV_STEPS + 1,) * ndim
    return (0,) * (ndim - 2) + (2 * (PATCH // 2 + SEARCH) + 1,) * 2


def choose_strength(
    method: str, image: np.ndarray, report: NoiseReport, seed: int = 0
) -> Strength:
    """Choose the strength whose expected error is least, without the truth.

    J-invariant calibration (Batson and Royer 2019) would be wrong where noise is
    correlated: neighbors foretell the noise, so that the weakest filter looks best.
    Stein's estimate of the risk is right for noise of any covariance that is known,
    and this one was measured: the mean of (y - f(y))² - sd² + 2 b·(f(y + e b) - f(y))/e
    with b drawn with the correlation of the noise (Monte-Carlo SURE: Ramani, Blu and
    Unser, IEEE Trans. Image Process. 17, 2008, Theorem 2).

    Parameters
    ----------
    method
        One of `FILTERS`.
    image
        A part that is like the rest.
    report
        Of the noise.
    seed
        Of the drawn noise.
    """
    values = image.astype(np.float64)
    drawn = like_noise(values.shape, report, np.random.default_rng(seed))
    risks: list[float] = []
    for strength in STRENGTHS[method]:
        kept = apply_filter(method, values, strength, report.sd)
        moved = values + STEP * report.sd * drawn
        answer = apply_filter(method, moved, strength, report.sd) - kept
        follows = float((drawn * answer).mean()) / STEP / report.sd
        gone = float(((values - kept) ** 2).mean()) / report.sd**2
        risks.append(gone - 1 + 2 * follows)
        if len(risks) > 2 and risks[-1] > risks[-2] > risks[-3]:
            break  # it only gets worse
    best = int(np.argmin(risks))
    return Strength(STRENGTHS[method][best], max(0.0, risks[best]))


def like_noise(
    shape: Sequence[int], report: NoiseReport, rng: np.random.Generator
) -> np.ndarray:
    """Draw noise of unit variance with the measured correlation along each axis."""
    drawn = rng.standard_normal(shape)
    for axis, lags in enumerate(report.correlation):
        n = shape[axis]
        tied = np.zeros(n)
        tied[0] = 1.0
        for lag, r in enumerate(lags, start=1):
            if np.isfinite(r) and 2 * lag < n and abs(r) > 0.02:
                tied[lag] = tied[-lag] = r
        power = np.sqrt(np.maximum(np.fft.fft(tied).real, 0))
        power = power.reshape([-1 if a == axis else 1 for a in range(drawn.ndim)])
        drawn = np.fft.ifft(np.fft.fft(drawn, axis=axis) * power, axis=axis).real
    return np.asarray(drawn / drawn.std())


def _gaussian(values: np.ndarray, strength: float) -> np.ndarray:
    found = ndimage.gaussian_filter(values, strength, mode="reflect", truncate=TRUNCATE)
    return np.asarray(found)


def _tv(values: np.ndarray, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_tv_chambolle

    # Never stopped by a total over the image: a block is filtered as the whole is.
    found = denoise_tv_chambolle(
        values, weight=strength, eps=0.0, max_num_iter=TV_STEPS
    )
    return np.asarray(found)


def _nlm(values: np.ndarray, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    slices = values.reshape(-1, *values.shape[-2:])
    found = [
        denoise_nl_means(one, PATCH, SEARCH, h=strength, sigma=0.0, fast_mode=True)
        for one in slices
    ]
    return np.stack(found).reshape(values.shape)


_FILTERS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": _gaussian,
    "tv": _tv,
    "nlm": _nlm,
}
