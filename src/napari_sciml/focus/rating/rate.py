"""Rate an image a few tiles at a time."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.rating.emptiness import NoiseTest
from napari_sciml.focus.rating.result import BLANK_CERTAINTY, FocusResult, certainty
from napari_sciml.focus.rating.tiling import starts

Array = np.ndarray[Any, np.dtype[Any]]
Scale = tuple[float, float] | None
BAND_PIXELS = 2**24
"""Pixels of a plane that are read at once; smaller planes come whole."""
SAMPLED = 2**16


@dataclass(frozen=True)
class TilesRated:
    """Some more tiles are rated.

    Attributes
    ----------
    done, total
        Tiles so far, and of the whole image.
    """

    done: int
    total: int

    @property
    def fraction(self) -> float:
        """Share that is done, 0 to 1."""
        return self.done / self.total


def rating_steps(
    probabilities: Callable[[Array], Array],
    image: Any,
    *,
    tile: int,
    stride: int,
    scale: Scale,
    batch: int,
) -> Generator[TilesRated | FocusResult, None, None]:
    """Rate every tile of an image, a batch at a time; see `FocusModel.rate`.

    Tiles of noise alone are blank, however sure the network is of them.

    Parameters
    ----------
    probabilities
        From tiles ``(n, y, x)`` float32 to distributions ``(n, 11)``.
    image
        ``(…, y, x)``; read plane by plane, and planes of more than `BAND_PIXELS`
        in bands of rows of tiles.
    tile, stride, scale, batch
        As of `FocusModel.rate`.

    Yields
    ------
    TilesRated or FocusResult
        After every batch, and the result at the end.
    """
    shape = tuple(int(n) for n in image.shape)
    ys, xs = starts(shape[-2], tile, stride), starts(shape[-1], tile, stride)
    lead, grid = shape[:-2], (len(ys), len(xs))
    out = np.empty((*lead, *grid, LEVELS), np.float32)
    unusable = np.empty((*lead, *grid), bool)
    done = 0
    for place in np.ndindex(*lead):
        test = NoiseTest()
        for rows in _bands(ys, tile, shape[-1]):
            top = int(ys[rows[0]])
            part = slice(top, int(ys[rows[-1]]) + tile)
            band = np.asarray(image[(*place, part)])
            offset = _offset(band) if scale is None else scale[0]
            width = 1.0 if scale is None else scale[1] - scale[0]
            for some in _batches(rows, len(xs), batch):
                tiles = np.stack(
                    [_cut(band, ys[r] - top, xs[c], tile) for r, c in some]
                )
                tiles = (tiles.astype(np.float64) - offset) / width
                where = (*place, *some.T)
                out[where], unusable[where] = p, bad = _rate(tiles, probabilities)
                test.add(tiles, ~bad & (certainty(p) >= BLANK_CERTAINTY))
                done += len(some)
                yield TilesRated(done, unusable.size)
        noise = test.noise().reshape(grid)
        unusable[place] |= noise
        out[place][noise] = 1 / LEVELS
    yield FocusResult(out, ys, xs, tile, (shape[-2], shape[-1]), unusable)


def _bands(ys: Array, tile: int, width: int) -> Iterator[range]:
    """Rows of tiles that are read at once."""
    first = 0
    while first < len(ys):
        reach = ys[first] + max(tile, BAND_PIXELS // width)
        last = max(int(np.searchsorted(ys, reach - tile, side="right")), first + 1)
        yield range(first, last)
        first = last


def _batches(rows: range, columns: int, batch: int) -> Iterator[Array]:
    """Row and column ``(n, 2)`` of the tiles of each batch."""
    grid = np.stack(np.meshgrid(rows, np.arange(columns), indexing="ij"), axis=-1)
    places = grid.reshape(-1, 2)
    for first in range(0, len(places), batch):
        yield places[first : first + batch]


def _cut(band: Array, y: int, x: int, tile: int) -> Array:
    return band[y : y + tile, x : x + tile]


def _offset(band: Array) -> float:
    """A usual value: that of large counts would eat the contrast of float32."""
    sampled = band.ravel()[:: max(1, band.size // SAMPLED)].astype(np.float64)
    finite = sampled[np.isfinite(sampled)]
    return float(np.median(finite)) if finite.size else 0.0


def _rate(tiles: Array, probabilities: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Distributions of tiles, even where there is nothing to rate; and which."""
    usable: Array = (np.abs(tiles) <= MAX_VALUE).all(axis=(1, 2))  # no NaN, finite
    usable[usable] = np.ptp(tiles[usable], (1, 2)) > 0
    p = np.full((len(tiles), LEVELS), 1 / LEVELS, np.float32)
    if usable.any():
        p[usable] = probabilities(tiles[usable].astype(np.float32))
    return p, ~usable
