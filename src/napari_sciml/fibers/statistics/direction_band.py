"""How sure a density of directions is, and where its peak lies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.fibers.orientation import (
    DirectionDensity,
    kernel_sums,
    sphere_grid,
    unit_and_share,
    upper_hemisphere,
)
from napari_sciml.fibers.statistics.bootstrap import LEVEL, draw_anew

Array = NDArray[np.float64]

_DRAWS = 300
_MOST = 5000
_ROUNDS = 3


@dataclass(frozen=True)
class DirectionBand:
    """Density of directions within a band.

    Attributes
    ----------
    density
        The density itself.
    low, high
        The same shape: with a probability of 95 %, the true (smoothed) density lies
        between them in all directions at once. NaN with fewer than two fibers.
    """

    density: DirectionDensity
    low: Array
    high: Array

    @property
    def isotropic(self) -> bool:
        """Whether the isotropic density, 1, lies within the band everywhere."""
        return bool(np.all((self.low <= 1) & (self.high >= 1)))

    @property
    def surely_more(self) -> NDArray[np.bool_]:
        """Where there are surely more fibers than isotropic."""
        return self.low > 1


def bandwidth_for(count: int) -> float:
    """Smoothing that leaves as much noise as structure (degrees).

    It falls with the sixth root of the number of fibers, as is best on a surface
    (Hall, Watson & Cabrera, Biometrika 74, 1987, 751-762), from 15 to 5 degrees; 8 at
    5,000 fibers.
    """
    return float(np.clip(8 * (5000 / max(count, 1)) ** (1 / 6), 5, 15))


def direction_band(
    directions: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bandwidth_deg: float | None = None,
    cells: int = 120,
    draws: int = _DRAWS,
    seed: int = 0,
) -> DirectionBand:
    """Smooth density of directions with a simultaneous band.

    Parameters
    ----------
    directions, weights, cells
        As in `direction_density`.
    bandwidth_deg
        The same; None = `bandwidth_for` so many fibers.
    draws, seed
        Of the bootstrap over fibers. Of more than 5,000 fibers, 5,000 are drawn anew,
        and the band is made narrower by the square root of the ratio.

    Notes
    -----
    The width of the band is the 95 % quantile of the largest difference of the square
    roots of the density and the densities drawn anew: a root of a count has the same
    spread where it is small and where it is large.
    """
    unit, share = unit_and_share(directions, weights)
    bandwidth_deg = bandwidth_deg or bandwidth_for(len(unit))
    grid = sphere_grid(cells)
    places = grid.north()
    north = kernel_sums(places, unit, share[:, None], bandwidth_deg)[:, 0]
    width = _width(places, unit, share, bandwidth_deg, draws, seed)
    root = np.sqrt(north)
    low = grid.filled(np.maximum(root - width, 0) ** 2).density
    return DirectionBand(
        grid.filled(north), low, grid.filled((root + width) ** 2).density
    )


def _width(
    places: Array, unit: Array, share: Array, bandwidth: float, draws: int, seed: int
) -> float:
    """Half width of the band of the roots."""
    count = len(unit)
    if count < 2:
        return float("nan")
    if count > _MOST:
        chosen = np.random.default_rng(seed).choice(count, _MOST, replace=False)
        unit, share = unit[chosen], share[chosen] / share[chosen].sum()

    def largest(counts: NDArray[np.float32]) -> Array:
        shares = np.concatenate([share[None], counts * share])
        shares /= shares.sum(axis=1, keepdims=True)
        roots = np.sqrt(kernel_sums(places, unit, shares.T, bandwidth))
        return np.abs(roots[:, 1:] - roots[:, :1]).max(axis=0)

    drawn = draw_anew(len(unit), largest, draws=draws, seed=seed)
    return float(np.quantile(drawn, LEVEL) * np.sqrt(len(unit) / count))


def peak_direction(
    found: DirectionDensity, *, share: float = 0.2, within_deg: float = 30.0
) -> Array:
    """Find where a density is highest, finer than its cells.

    Parameters
    ----------
    found
        The density.
    share
        Only what is over this share of the way from the lowest density to the
        highest counts: less of a smooth density, more of one with a rough ground.
    within_deg
        How far from the peak fibers still belong to it, degrees.

    Returns
    -------
    ndarray
        Unit vector ``(3,)`` (z, y, x), dz >= 0: the main axis of what belongs to the
        highest peak. NaN for a density of NaN.
    """
    rows = len(found.density) // 2
    half, area = found.density[rows:].reshape(-1), found.areas()[rows:].reshape(-1)
    if not np.isfinite(half).all():
        return np.full(3, np.nan)
    places = found.north()
    floor = half.min() + share * (half.max() - half.min())
    weight = np.maximum(half - floor, 0) * area if half.max() > floor else area
    axis = places[half.argmax()]
    for _ in range(_ROUNDS):
        near = np.abs(places @ axis) >= np.cos(np.radians(within_deg))
        axis = np.linalg.eigh((places.T * (weight * near)) @ places)[1][:, -1]
    return np.asarray(upper_hemisphere(axis[None])[0])
