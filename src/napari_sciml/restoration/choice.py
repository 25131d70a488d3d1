"""Which method suits the noise that was measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import UNUSABLE
from napari_sciml.restoration.config import Method
from napari_sciml.restoration.noise import LEAST_SLICES, NoiseReport, flattest

SAME_NOISE = 0.3
"""Correlation of the noise of two scans from which on it is not their own."""
FAR = 1.0
"""Voxels that two scans may be shifted."""
LEAST_GAIN = 0.05
"""Of the correlation of two scans, that makes a shift believable."""
COMPARED = {2: (512, 512), 3: (64, 192, 192)}
ADVICE = (
    "choose the method tv, nlm or gaussian, whose strength is set by the measured "
    "noise, or give a second scan or clean images"
)


def choose_method(
    method: Method, report: NoiseReport, *, second: bool = False, clean: bool = False
) -> Method:
    """Settle what "auto" is; refuse what cannot work at all.

    Parameters
    ----------
    method
        What was asked for.
    report
        Of the noise.
    second, clean
        Whether a second scan, or clean images are given.

    Raises
    ------
    InputError
        When no method can be trusted, or one lacks what it needs.
    """
    if second and clean:
        raise InputError(
            "Give a second scan or clean images, not both: a network learns from one."
        )
    chosen = _given(method, second, clean)
    if chosen in ("pairs", "supervised"):
        return chosen
    if report.nothing_to_remove:
        raise InputError(f"{report.sentence[:-1]}, so the image is left as it is.")
    if chosen != "auto":
        return chosen
    if report.independent:
        return "pixel"
    if report.slice_axis is not None:
        return "slice"
    raise InputError(f"{report.sentence[:-1]}: {ADVICE}.")


def _given(method: Method, second: bool, clean: bool) -> Method:
    needed: dict[str, tuple[bool, str]] = {
        "pairs": (second, "a second scan"),
        "supervised": (clean, "clean images"),
    }
    if method in needed and not needed[method][0]:
        raise InputError(
            f"The method {method} learns from {needed[method][1]}: give that, or "
            "choose another method."
        )
    if method == "auto":
        return "pairs" if second else "supervised" if clean else "auto"
    for name, (given, what) in needed.items():
        if given and method != name:
            raise InputError(
                f"The method {method} has no use for {what}: leave it out, or choose "
                f"the method {name}."
            )
    return method


def choose_axis(axis: str, method: Method, report: NoiseReport) -> int:
    """Number of the axis across which a network sees slices.

    Raises
    ------
    InputError
        When the slices are too few for the method.
    """
    if len(report.axes) == 2:
        if method == "slice" or axis in ("z",):
            raise InputError(
                "The image has no slices: choose another method than slice."
            )
        return 0
    if axis == "auto":
        best = report.slice_axis if method == "slice" else 0
        firsts = [lags[0] for lags in report.correlation]
        number = int(np.nanargmin(firsts)) if best is None else best
    else:
        number = report.axes.index(axis)
    length = report.shape[number]
    if method == "slice" and length < LEAST_SLICES:
        raise InputError(
            f"The image has {length} slices along {report.axes[number]} only, but a "
            f"slice is predicted from its neighbors among at least {LEAST_SLICES}: "
            "choose another method."
        )
    return number


def doubts(method: Method, report: NoiseReport, axis: int) -> tuple[str, ...]:
    """Sentences where a method was chosen that the measured noise speaks against."""
    if method == "pixel" and not report.independent:
        return (
            "The noise of neighbors is correlated, so blind pixel will take most of it "
            "for structure and leave it.",
        )
    if method == "slice" and axis != report.slice_axis:
        r = report.correlation[axis][0]
        return (
            f"The noise of neighbor slices along {report.axes[axis]} is correlated "
            f"({r:.2f}), so what is left of it may look like structure.",
        )
    return ()


def check_partner(image: Any, other: Any, what: str, *, noise: bool = True) -> None:
    """Make sure that a second scan or the truth lies voxel upon voxel.

    Parameters
    ----------
    image, other
        Array-likes.
    what
        Of the other, subject of the sentence.
    noise
        Whether it has noise, which must be its own.

    Raises
    ------
    InputError
        When the shape differs, it is shifted by more than a voxel, shows something
        else, or has the very same noise.
    """
    from napari_sciml.restoration.noise import check_gray

    shape = tuple(image.shape)
    if tuple(other.shape) != shape:
        raise InputError(
            f"{what} has {' x '.join(map(str, other.shape))} voxels, but the image "
            f"{' x '.join(map(str, shape))}: give one of the same shape."
        )
    check_gray(other, shape)
    one, two = (_middle(values) for values in (image, other))
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise InputError(UNUSABLE)
    if np.array_equal(one, two):
        raise InputError(
            f"{what} is the same as the image, noise and all: give another one."
        )
    shift = measured_shift(one, two)
    if max(map(abs, shift), default=0.0) > FAR:
        axes = "zyx"[-len(shape) :]
        told = ", ".join(
            f"{size:+.1f} in {axis}" for axis, size in zip(axes, shift, strict=True)
        )
        raise InputError(
            f"{what} is shifted against the image by {told} voxels: register the two "
            "first."
        )
    if noise:
        _check_noise(one, two, what)


def measured_shift(one: np.ndarray, two: np.ndarray) -> tuple[float, ...]:
    """How far the second image lies from the first, in voxels along each axis.

    By the peak of the correlation (Guizar-Sicairos et al., Opt. Lett. 33, 2008) of the
    slightly smoothed images. Along fibers that all run one way an image looks alike
    wherever it is shifted: a shift that fits hardly better than none is none.
    """
    from scipy import ndimage
    from skimage.registration import phase_cross_correlation

    first, second = (
        ndimage.gaussian_filter(a, 1.0) - ndimage.gaussian_filter(a, 8.0)
        for a in (one, two)
    )
    found = phase_cross_correlation(
        first, second, upsample_factor=5, normalization=None
    )[0]
    moved = ndimage.shift(second, found, order=1, mode="grid-wrap")
    gain = _correlation(first, moved) - _correlation(first, second)
    if gain < LEAST_GAIN:
        return (0.0,) * one.ndim
    return tuple(-float(x) for x in found)


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    norm = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float((one * two).sum()) / norm if norm > 0 else 0.0


def _middle(image: Any) -> np.ndarray:
    edges = COMPARED[len(image.shape)]
    where = tuple(
        slice(max(0, (n - e) // 2), max(0, (n - e) // 2) + e)
        for n, e in zip(image.shape, edges, strict=True)
    )
    return np.asarray(image[where]).astype(np.float64)


def _check_noise(one: np.ndarray, two: np.ndarray, what: str) -> None:
    from napari_sciml.restoration.sampling import blocks_of

    paired = list(zip(blocks_of(one, one.ndim), blocks_of(two, two.ndim), strict=True))
    r = _flat_correlation(paired)
    if r is not None and r > SAME_NOISE:
        raise InputError(
            f"The noise of {what[0].lower()}{what[1:]} is that of the image "
            f"(correlation {r:.2f}), so that nothing can be learned from it: give a "
            "scan of its own, or half of the projections each."
        )


def _flat_correlation(
    paired: Sequence[tuple[np.ndarray, np.ndarray]],
) -> float | None:
    """Correlation of two images where the first is flattest; None = constant there."""
    varying = [(a, b) for a, b in paired if a.std() > 0 and b.std() > 0]
    if not varying:
        return None
    varying.sort(key=lambda pair: float(pair[0].std()))
    flat = varying[: max(8, len(varying) // 20)]
    values = []
    for pair in flat:
        a, b = (flattest([x])[0] if flattest([x]) else x - x.mean() for x in pair)
        values.append(float((a * b).mean() / (a.std() * b.std())))
    return float(np.median(values))
