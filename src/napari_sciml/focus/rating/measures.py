"""Classic focus measures, through the same tiles.

They find the best plane of one stack well. They tell no absolute level: all change
with exposure, noise and what is in the tile.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import laplace, sobel

from napari_sciml.focus.levels import TILE
from napari_sciml.focus.rating.tiling import bands, batches, cut, starts
from napari_sciml.images.intensity import doubles

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]
TINY = 1e-12
BATCH = 256
"""Tiles at a time."""


def tenengrad(tiles: Array) -> Array:
    """Mean squared Sobel gradient of tiles ``(n, y, x)``."""
    # Tile by tile: Sobel smooths along every other axis, that of the tiles, too.
    edges = [sobel(tile, axis=0) ** 2 + sobel(tile, axis=1) ** 2 for tile in tiles]
    return np.stack(edges).mean(axis=(1, 2))


def vollath_f4(tiles: Array) -> Array:
    """Vollath's F4: autocorrelation at one pixel minus that at two."""
    one = (tiles[:, :-1] * tiles[:, 1:]).mean(axis=(1, 2))
    two = (tiles[:, :-2] * tiles[:, 2:]).mean(axis=(1, 2))
    return one - two


def normalized_variance(tiles: Array) -> Array:
    """Variance over the mean."""
    return tiles.var(axis=(1, 2)) / np.maximum(np.abs(tiles.mean(axis=(1, 2))), TINY)


def laplacian_variance(tiles: Array) -> Array:
    """Variance of the Laplacian."""
    return np.stack([laplace(tile) for tile in tiles]).var(axis=(1, 2))


def power_slope(tiles: Array) -> Array:
    """Slope of log power over log frequency; steeper (lower) when out of focus."""
    edge = tiles.shape[-1]
    window = np.hanning(edge)
    centered = tiles - tiles.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.rfft2(centered * window[:, None] * window)) ** 2
    fy, fx = np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :]
    ring = np.round(np.hypot(fy, fx) * edge).astype(int)
    rings = np.arange(2, edge // 2)
    mean = np.stack([power[:, ring == r].mean(axis=1) for r in rings], axis=1)
    x = np.log(rings) - np.log(rings).mean()
    return (np.log(mean + TINY) * x).sum(axis=1) / (x**2).sum()


MEASURES: dict[str, Callable[[Array], Array]] = {
    "tenengrad": tenengrad,
    "vollath_f4": vollath_f4,
    "normalized_variance": normalized_variance,
    "laplacian_variance": laplacian_variance,
    "power_slope": power_slope,
}


def measure_tiles(
    image: Any,
    *,
    tile: int = TILE,
    stride: int = TILE,
    progress: Callable[[float], Any] | None = None,
) -> "pd.DataFrame":
    """Measure every tile of ``(…, y, x)``; rows in the order of a rating's table.

    Planes are read one by one, large ones in bands of rows of tiles.

    Parameters
    ----------
    image
        numpy or lazy.
    tile, stride
        Edge of a tile and distance from one to the next, in pixels.
    progress
        Called with the share done, 0 to 1, after every batch.

    Returns
    -------
    DataFrame
        One column a measure; higher is sharper.
    """
    import pandas as pd

    ys = starts(image.shape[-2], tile, stride)
    xs = starts(image.shape[-1], tile, stride)
    lead = tuple(int(n) for n in image.shape[:-2])
    found = np.empty((math.prod(lead) * len(ys) * len(xs), len(MEASURES)))
    done = 0
    for place in np.ndindex(*lead):
        for rows in bands(ys, tile, image.shape[-1]):
            top = int(ys[rows[0]])
            band = np.asarray(image[(*place, slice(top, int(ys[rows[-1]]) + tile))])
            for some in batches(rows, len(xs), BATCH):
                tiles = cut(band, top, ys[some[:, 0]], xs[some[:, 1]], tile)
                found[done : done + len(some)] = _measured(doubles(tiles))
                done += len(some)
                if progress:
                    progress(done / len(found))
    return pd.DataFrame(found, columns=list(MEASURES))


def _measured(tiles: Array) -> Array:
    return np.stack([each(tiles) for each in MEASURES.values()], axis=1)
