"""Directions of fibers: tensor, equal-area map, density.

A fiber has no front: d and -d are the same direction everywhere in this module.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import dawsn

from napari_sciml.errors import InputError

Array = NDArray[np.float64]

_CHUNK = 1 << 22
_MANY = 10_000
_BANDS = 64


def orientation_tensor(
    directions: ArrayLike, weights: ArrayLike | None = None
) -> Array:
    """Second-order orientation tensor.

    Parameters
    ----------
    directions
        ``(n, 3)`` vectors (z, y, x); only their direction counts.
    weights
        ``(n,)``, None = each fiber counts alike (number-weighted); lengths give the
        length-weighted tensor.

    Returns
    -------
    ndarray
        ``(3, 3)`` in the order z, y, x: the mean of d d^T. Its trace is 1; 1/3 on the
        diagonal is isotropic. NaN without fibers.

    Raises
    ------
    InputError
        If a direction is zero or a weight negative, or the shapes do not fit.

    References
    ----------
    Advani & Tucker, J. Rheol. 31 (1987) 751-784, eq. 7.
    """
    unit, share = unit_and_share(directions, weights)
    if not len(unit):
        return np.full((3, 3), np.nan)
    return np.asarray(np.einsum("n,ni,nj->ij", share, unit, unit))


def upper_hemisphere(directions: Array) -> Array:
    """Turn vectors ``(n, 3)`` so that dz >= 0; where dz = 0, dy >= 0, then dx."""
    vectors = np.where(np.abs(directions) < 1e-6, 0.0, directions)
    z, y, x = vectors.T
    down = (z < 0) | ((z == 0) & ((y < 0) | ((y == 0) & (x < 0))))
    return np.where(down[:, None], 0.0 - vectors, vectors)


def hammer(directions: ArrayLike) -> tuple[Array, Array]:
    """Project directions to the plane so that areas stay equal.

    Parameters
    ----------
    directions
        ``(n, 3)`` vectors (z, y, x). A fiber belongs at d and at -d.

    Returns
    -------
    x, y
        ``(n,)`` each. +z is at the top (0, sqrt 2), +x in the middle (0, 0), +y half
        way to the right and -x at both ends (+-2 sqrt 2, 0) of the ellipse.

    Notes
    -----
    With the latitude p (from the x-y plane) and the longitude l (from x towards y)::

        x = 2 sqrt(2) cos p sin(l/2) / sqrt(1 + cos p cos(l/2))
        y =   sqrt(2) sin p          / sqrt(1 + cos p cos(l/2))

    References
    ----------
    Hammer, Petermanns Mitt. 38 (1892) 85-87; Snyder, "Map Projections: A Working
    Manual", USGS Prof. Paper 1395 (1987).
    """
    z, y, x = _unit(directions).T
    return hammer_of_angles(np.arctan2(y, x), np.arcsin(np.clip(z, -1.0, 1.0)))


def hammer_of_angles(longitude: Array, latitude: Array) -> tuple[Array, Array]:
    """Project longitudes and latitudes (radians, any shape); see `hammer`."""
    scale = np.sqrt(2 / (1 + np.cos(latitude) * np.cos(longitude / 2)))
    return (
        2 * np.cos(latitude) * np.sin(longitude / 2) * scale,
        np.sin(latitude) * scale,
    )


@dataclass(frozen=True)
class DirectionDensity:
    """Density of directions on a grid of the sphere.

    Attributes
    ----------
    longitude, latitude
        Edges of the cells, radians: ``(m + 1,)`` and ``(n + 1,)``.
    density
        ``(n, m)`` at the centers of the cells, relative to the isotropic density: 1
        is isotropic, and the mean over the area of the sphere is 1.
    """

    longitude: Array
    latitude: Array
    density: Array

    def north(self) -> Array:
        """Unit vectors ``(m n / 2, 3)`` of the cells with z > 0, row by row."""
        return _cell_centers(self.longitude, self.latitude[len(self.latitude) // 2 :])

    def areas(self) -> Array:
        """Share of each cell ``(n, m)`` in the area of the sphere."""
        rows = np.diff(np.sin(self.latitude)) / 2
        columns = len(self.longitude) - 1
        return np.repeat(rows[:, None] / columns, columns, axis=1)

    def filled(self, north: Array) -> "DirectionDensity":
        """Give densities of the northern cells, row by row, to their antipodes too."""
        half = north.reshape(-1, len(self.longitude) - 1)
        south = np.roll(half[::-1], half.shape[1] // 2, axis=1)
        return replace(self, density=np.concatenate([south, half]))


def direction_density(
    directions: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bandwidth_deg: float = 8.0,
    cells: int = 240,
) -> DirectionDensity:
    """Smooth density of directions, the same at d and -d.

    Parameters
    ----------
    directions, weights
        As in `orientation_tensor`.
    bandwidth_deg
        Standard deviation of the Watson kernel, degrees (0.5 to 45).
    cells
        Cells round the equator, an even number; half as many from pole to pole.

    Raises
    ------
    InputError
        If bandwidth or cells are out of range, or as in `orientation_tensor`.

    Notes
    -----
    The kernel exp(k ((g d)^2 - 1)) with k = 1 / (2 bandwidth^2) has the mean
    F(sqrt k) / sqrt k over the sphere, with Dawson's integral F (Mardia & Jupp,
    "Directional Statistics", 2000, section 9.4).
    """
    unit, share = unit_and_share(directions, weights)
    grid = sphere_grid(cells)
    if len(unit) > _MANY:
        unit, share = _gathered(unit, share)
    density = kernel_sums(grid.north(), unit, share[:, None], bandwidth_deg)[:, 0]
    return grid.filled(density)


def _gathered(unit: Array, share: Array) -> tuple[Array, Array]:
    """Put fibers of nearly the same direction together: a degree and a half."""
    upper = upper_hemisphere(unit)
    height = np.minimum((upper[:, 0] * _BANDS).astype(np.int64), _BANDS - 1)
    turn = np.arctan2(upper[:, 1], upper[:, 2]) / (2 * np.pi) + 0.5
    around = np.minimum((turn * 4 * _BANDS).astype(np.int64), 4 * _BANDS - 1)
    place, member = np.unique(height * 4 * _BANDS + around, return_inverse=True)
    count = len(place)
    sums = [np.bincount(member, share * axis, count) for axis in upper.T]
    middle = np.stack(sums, axis=1)
    norm = np.linalg.norm(middle, axis=1, keepdims=True)
    # Cells of weight zero have no middle, and do not count.
    total = np.bincount(member, share, count).astype(np.float64)
    return np.asarray(middle / np.maximum(norm, 1e-300)), total


def sphere_grid(cells: int) -> DirectionDensity:
    """Make a grid of cells whose density is still 0.

    Raises
    ------
    InputError
        If the number of cells round the equator is no multiple of 4.
    """
    if cells < 4 or cells % 4:
        raise InputError(f"There cannot be {cells} cells; give a multiple of 4.")
    return DirectionDensity(
        np.linspace(-np.pi, np.pi, cells + 1),
        np.linspace(-np.pi / 2, np.pi / 2, cells // 2 + 1),
        np.zeros((cells // 2, cells)),
    )


def kernel_sums(
    places: Array, unit: Array, shares: Array, bandwidth_deg: float
) -> Array:
    """Densities ``(g, k)`` at places ``(g, 3)`` for fibers with shares ``(n, k)``.

    Raises
    ------
    InputError
        If the bandwidth is out of range.
    """
    if not 0.5 <= bandwidth_deg <= 45:
        raise InputError(f"The bandwidth is {bandwidth_deg}; give 0.5 to 45 degrees.")
    k = 1 / (2 * np.radians(bandwidth_deg) ** 2)
    density = np.zeros((len(places), shares.shape[1]))
    step = max(1, _CHUNK // len(places))
    for start in range(0, len(unit), step):
        cosine = places @ unit[start : start + step].T
        density += np.exp(k * (cosine**2 - 1)) @ shares[start : start + step]
    return density * (np.sqrt(k) / dawsn(np.sqrt(k)))


def _cell_centers(longitude: Array, latitude: Array) -> Array:
    """Unit vectors (z, y, x) at the centers of the cells, row by row."""
    middle = (longitude[1:] + longitude[:-1]) / 2
    height = (latitude[1:] + latitude[:-1]) / 2
    up, turn = np.meshgrid(height, middle, indexing="ij")
    across = np.cos(up)
    vectors = (np.sin(up), across * np.sin(turn), across * np.cos(turn))
    return np.stack(vectors, axis=-1).reshape(-1, 3)


def _unit(directions: ArrayLike) -> Array:
    vectors = np.asarray(directions, np.float64)
    vectors = vectors.reshape(-1, 3) if vectors.size == 0 else vectors
    if vectors.ndim != 2 or vectors.shape[1] != 3:
        raise InputError(
            f"Directions have shape {vectors.shape}; give (n, 3): z, y, x."
        )
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(norm) & (norm > 0)):
        raise InputError("A direction is zero or not finite; leave such fibers out.")
    return vectors / norm


def unit_and_share(
    directions: ArrayLike, weights: ArrayLike | None
) -> tuple[Array, Array]:
    """Make unit vectors ``(n, 3)`` and weights that add up to 1; see above.

    Raises
    ------
    InputError
        As in `orientation_tensor`.
    """
    unit = _unit(directions)
    shape = (len(unit),)
    share = np.ones(shape) if weights is None else np.asarray(weights, np.float64)
    if share.shape != shape or not np.all(np.isfinite(share) & (share >= 0)):
        raise InputError("Give one weight a fiber, finite and not negative.")
    total = float(share.sum())
    if len(unit) and total <= 0:
        raise InputError("The weights of all fibers are zero.")
    return unit, share / total if len(unit) else share
