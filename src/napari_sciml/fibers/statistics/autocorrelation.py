"""Directions without instances: the autocorrelation of the mask on a sphere.

As in Roberts, Chavez, Hexemer & Zwart, "DLSIA: Deep Learning for Scientific Image
Analysis", J. Appl. Cryst. 57 (2024), section IV-B: go from a fiber voxel a fixed way in
some direction; the more fibers run in this direction, the more likely is fiber there
again. All fibers count, touching ones too, but each only if it is longer than the way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from napari_sciml.errors import InputError
from napari_sciml.fibers.geometry.voxels import Grid, make_grid, sliceable
from napari_sciml.fibers.orientation import DirectionDensity, sphere_grid
from napari_sciml.fibers.statistics.bootstrap import LEVEL, band, draw_anew, ratio
from napari_sciml.fibers.statistics.direction_band import peak_direction

Array = NDArray[np.float64]

RADIUS = 30.0
_BLOCK = 128
_LEAST_BLOCK = 32
_DRAWS = 500
_PEAKS = 100


@dataclass(frozen=True)
class SphereCorrelation:
    """Pair correlation of a mask on a sphere of lags.

    Attributes
    ----------
    map
        In each direction the probability that the voxel at this lag from a fiber
        voxel is of a fiber, over the volume fraction: 1 = as by chance. NaN without
        fibers, or where the sphere is wider than the volume.
    low, high
        Pointwise 95 % interval, a bootstrap over blocks of the volume; NaN where the
        volume is a single block.
    radius
        Of the sphere, physical.
    fraction
        Volume fraction of the mask.
    cone_deg
        Half angle of the cone round the peak that holds the peaks of 95 % of the maps
        drawn anew; NaN where the volume is a single block.
    """

    map: DirectionDensity
    low: Array
    high: Array
    radius: float
    fraction: float
    cone_deg: float

    @property
    def peak(self) -> Array:
        """Unit vector (z, y, x) to where it is highest, as from `peak_direction`."""
        return _peak(self.map)

    def as_dict(self) -> dict[str, Any]:
        """Write the numbers for JSON, with None for NaN."""
        peak, cone = self.peak, self.cone_deg
        known = bool(np.isfinite(peak).all())
        return {
            "radius": self.radius,
            "axes": ["z", "y", "x"],
            "peak": peak.tolist() if known else None,
            "peak_correlation": float(self.map.density.max()) if known else None,
            "cone_deg": cone if np.isfinite(cone) else None,
        }


def sphere_correlation(
    labels: ArrayLike,
    *,
    radius: float = RADIUS,
    voxel_size: Sequence[float] | None = None,
    cells: int = 240,
    workers: int | None = None,
    seed: int = 0,
) -> SphereCorrelation:
    """Sample the autocorrelation of the fibers on an origin-centered sphere.

    Parameters
    ----------
    labels
        ``(z, y, x)`` mask or labels; what is not 0 is fiber. Read by blocks.
    radius
        Of the sphere, in voxels (of the shortest edge where voxels are no cubes: the
        sphere is one in space). The fibers should be longer, and it should be some
        times their thickness, which otherwise blurs the directions.
    voxel_size
        Edge of a voxel along each axis; None = 1.
    cells
        Cells round the equator, a multiple of 4.
    workers
        Threads of the Fourier transforms; None = 1.
    seed
        Of the bootstrap.

    Raises
    ------
    InputError
        If the labels are no volume, or the radius is not 1 or more.

    Notes
    -----
    The volume is taken in blocks of about 128 voxels, each padded with zeros by the
    radius, in float32; pairs are counted within the blocks, over the number of pairs
    of voxels there are at that lag, which makes it unbiased by the borders.
    """
    values = sliceable(labels)
    if values.ndim != 3:
        raise InputError("The autocorrelation on a sphere needs a volume (z, y, x).")
    if not (np.isfinite(radius) and radius >= 1):
        raise InputError(f"The radius is {radius} voxels, but must be 1 or more.")
    grid = make_grid(values.shape, voxel_size)
    reach = float(radius) * float(grid.spacing.min())
    sphere = sphere_grid(cells)
    lags = sphere.north() * (reach / grid.spacing)
    pairs, chances, voxels, filled = _count_blocks(values, grid, lags, workers)
    fraction = float(filled.sum() / max(voxels.sum(), 1))

    def correlation(counts: NDArray[np.float32]) -> Array:
        share = (counts @ filled) / np.maximum(counts @ voxels, 1e-9)
        both = ratio(counts @ pairs, counts @ chances)
        return ratio(both, np.broadcast_to(share[:, None] ** 2, both.shape))

    north = correlation(np.ones((1, len(voxels)), np.float32))[0]
    drawn = draw_anew(len(voxels), correlation, draws=_DRAWS, seed=seed)
    low, high = band(drawn if np.isfinite(north).all() else drawn[:0])
    return SphereCorrelation(
        sphere.filled(north),
        sphere.filled(low).density,
        sphere.filled(high).density,
        reach,
        fraction,
        _cone(sphere, north, drawn[:_PEAKS]),
    )


def _peak(found: DirectionDensity) -> Array:
    # The ground is rough, as fibers beside each other meet by chance.
    return peak_direction(found, share=0.5, within_deg=20)


def _cone(sphere: DirectionDensity, north: Array, drawn: Array) -> float:
    good = drawn[np.isfinite(drawn).all(axis=1)]
    if not len(good) or not np.isfinite(north).all():
        return float("nan")
    peak = _peak(sphere.filled(north))
    others = np.array([_peak(sphere.filled(one)) for one in good])
    angles = np.degrees(np.arccos(np.clip(np.abs(others @ peak), 0, 1)))
    return float(np.percentile(angles, 100 * LEVEL))


def _count_blocks(
    values: Any, grid: Grid, lags: Array, workers: int | None
) -> tuple[Array, Array, Array, Array]:
    """Pairs and possible pairs ``(b, g)``, voxels and fiber voxels ``(b,)``."""
    reach = np.ceil(np.abs(lags).max(axis=0)).astype(int) + 1
    rows = []
    for block in _blocks(grid.shape, reach):
        mask = values[block] != 0
        edges = np.array(mask.shape)
        # A pair of voxels at a lag between whole voxels is a share of several pairs.
        possible = np.clip(edges - np.abs(lags), 0, None).prod(axis=1)
        possible[(np.abs(lags) > edges - 1).any(axis=1)] = 0
        found = _pairs_at(mask, lags, reach, workers) if mask.any() else 0 * possible
        found[possible == 0] = 0
        rows.append((found, possible, float(mask.size), float(mask.sum())))
    pairs, possible, voxels, filled = zip(*rows, strict=True)
    return np.array(pairs), np.array(possible), np.array(voxels), np.array(filled)


def _blocks(
    shape: tuple[int, int, int], reach: NDArray[np.int64]
) -> Iterator[tuple[slice, ...]]:
    """Blocks of similar size, twice as wide as the sphere where the volume is."""
    cuts = []
    for n, r in zip(shape, reach, strict=True):
        edge = min(max(n // 3, 2 * r, _LEAST_BLOCK), _BLOCK + 2 * r)
        limits = np.linspace(0, n, max(1, n // edge) + 1).round().astype(int)
        cuts.append([slice(a, b) for a, b in pairwise(limits)])
    yield from product(*cuts)


def _pairs_at(
    mask: NDArray[np.bool_], lags: Array, reach: NDArray[np.int64], workers: int | None
) -> Array:
    """Number of pairs of fiber voxels at each lag, interpolated between whole lags."""
    padded = [
        fft.next_fast_len(n + int(r), real=True)
        for n, r in zip(mask.shape, reach, strict=True)
    ]
    spectrum = fft.rfftn(mask.astype(np.float32), padded, workers=workers)
    power = spectrum.real**2 + spectrum.imag**2
    del spectrum
    counts = fft.irfftn(power, padded, workers=workers, overwrite_x=True)
    # Negative lags stand at the end of each axis.
    ends = zip(reach, padded, strict=True)
    around = np.ix_(*[np.arange(-r, r + 1) % n for r, n in ends])
    places = (lags + reach).T
    return np.asarray(
        ndimage.map_coordinates(counts[around], places, np.float64, order=1), np.float64
    )
