"""How large conformal sets are, and how often they hold the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_sciml.errors import InputError


@dataclass(frozen=True)
class CoverageReport:
    """Conformal sets against the truth; `dataclasses.asdict` of it is JSON-able.

    Attributes
    ----------
    asked
        The coverage asked for.
    voxels
        Annotated voxels that were looked at.
    coverage
        Share of them whose set holds the true class.
    by_class
        The same for the voxels of each class; None for a class without any.
    mean_size
        Mean number of classes in a set.
    empty, singleton, full
        Share of sets with no class, with one, with all.
    """

    asked: float
    voxels: int
    coverage: float
    by_class: tuple[float | None, ...]
    mean_size: float
    empty: float
    singleton: float
    full: float


def set_size(sets: ArrayLike) -> NDArray[np.uint8]:
    """Count the classes in each set: bool ``(class, ...)`` to uint8 ``(...)``."""
    return np.asarray(np.sum(_checked_sets(sets), axis=0, dtype=np.uint8))


def coverage_report(
    sets: ArrayLike, truth: ArrayLike, coverage: float
) -> CoverageReport:
    """Compare conformal sets with the truth.

    Parameters
    ----------
    sets
        bool ``(class, ...)`` from `prediction_set`.
    truth
        ``(...)`` labels: 0 = not annotated, which does not count, 1, 2 … = classes.
    coverage
        The coverage asked for, for the record.

    Raises
    ------
    InputError
        If shapes or values do not fit, or nothing is annotated.
    """
    found, labels = _checked_sets(sets), np.asarray(truth)
    count = len(found)
    if labels.shape != found.shape[1:] or labels.dtype.kind not in "ui":
        raise InputError(
            f"The truth must be labels in the shape {found.shape[1:]}, not "
            f"{labels.dtype} in {labels.shape}."
        )
    if labels.size and not 0 <= labels.min() <= labels.max() <= count:
        raise InputError(f"The truth must hold labels from 0 to {count}.")
    voxels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    total = int(voxels.sum())
    if not total:
        raise InputError("Nothing is annotated: the coverage needs labeled voxels.")
    hits = [int(np.count_nonzero(found[c] & (labels == c + 1))) for c in range(count)]
    sizes = np.bincount(set_size(found)[labels > 0], minlength=count + 1)
    return CoverageReport(
        asked=float(coverage),
        voxels=total,
        coverage=sum(hits) / total,
        by_class=tuple(
            h / int(v) if v else None for h, v in zip(hits, voxels, strict=True)
        ),
        mean_size=float(sizes @ np.arange(count + 1)) / total,
        empty=int(sizes[0]) / total,
        singleton=int(sizes[1]) / total,
        full=int(sizes[count]) / total,
    )


def border_distance_bands(mask: ArrayLike, edges: Sequence[float]) -> NDArray[np.uint8]:
    """Sort voxels by their distance to the border of a mask: groups for `calibrate`.

    Errors live at borders: coverage over all voxels hides that it is poor there.

    Parameters
    ----------
    mask
        bool, any number of axes; a predicted one, as the truth is not known where
        sets are to be found.
    edges
        Ascending distances in voxels, up to 255 of them. A voxel is at distance d if
        the nearest voxel of the other kind is d away: 1 right at the border.

    Returns
    -------
    ndarray
        uint8: 0 below the first edge, 1 from there to below the second, and so on,
        inside and outside alike. All in the last if there is no border.

    Raises
    ------
    InputError
        If the edges do not ascend.
    """
    inside = np.asarray(mask, bool)
    steps = np.asarray(edges, np.float64)
    if steps.ndim != 1 or not 0 < len(steps) < 256 or np.any(np.diff(steps) <= 0):
        raise InputError("The edges of the bands must be 1 to 255 ascending distances.")
    bands = np.full(inside.shape, len(steps), np.uint8)
    if inside.all() or not inside.any():
        return bands
    for side in (inside, ~inside):
        distance = ndimage.distance_transform_edt(side)
        bands[side] = np.digitize(distance[side], steps)
    return bands


def _checked_sets(sets: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(sets)
    if values.ndim == 0 or values.dtype != np.bool_ or len(values) < 2:
        raise InputError(
            "The sets must be bool (class, ...) of two classes or more, as "
            f"prediction_set gives, not {values.dtype} {values.shape}."
        )
    return values
