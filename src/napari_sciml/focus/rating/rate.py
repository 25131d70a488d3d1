"""Rate an image a few tiles at a time."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.errors import InputError
from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.rating.emptiness import NoiseTest
from napari_sciml.focus.rating.result import BLANK_CERTAINTY, FocusResult, certainty
from napari_sciml.focus.rating.tiling import bands, batches, count_tiles, cut, starts
from napari_sciml.images.intensity import doubles
from napari_sciml.images.room import check_room, size_in_words

Array = np.ndarray[Any, np.dtype[Any]]
Scale = tuple[float, float] | None
SAMPLED = 2**16
TILE_BYTES = 300
"""What a tile takes: its distribution, all that follows from it, and its row."""
SHARE_OF_MEMORY = 0.6
"""Of what is free, that the ratings of all tiles may take."""
PART_OF_IT = "rate a part of the image"


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
        ``(…, y, x)``; read plane by plane, and planes of more than `BAND_PIXELS` of
        `napari_sciml.focus.rating.tiling` in bands of rows of tiles.
    tile, stride, scale, batch
        As of `FocusModel.rate`.

    Yields
    ------
    TilesRated or FocusResult
        After every batch, and the result at the end.
    """
    shape = tuple(int(n) for n in image.shape)
    _check_room(image, tile, stride)
    ys, xs = starts(shape[-2], tile, stride), starts(shape[-1], tile, stride)
    lead, grid = shape[:-2], (len(ys), len(xs))
    out = np.empty((*lead, *grid, LEVELS), np.float32)
    unusable = np.empty((*lead, *grid), bool)
    done = 0
    for place in np.ndindex(*lead):
        test = NoiseTest()
        for rows in bands(ys, tile, shape[-1]):
            top = int(ys[rows[0]])
            part = slice(top, int(ys[rows[-1]]) + tile)
            band = np.asarray(image[(*place, part)])
            offset = _offset(band) if scale is None else scale[0]
            width = 1.0 if scale is None else scale[1] - scale[0]
            for some in batches(rows, len(xs), batch):
                tiles = cut(band, top, ys[some[:, 0]], xs[some[:, 1]], tile)
                tiles = (doubles(tiles) - offset) / width
                where = (*place, *some.T)
                out[where], unusable[where] = p, bad = _rate(tiles, probabilities)
                test.add(tiles, ~bad & (certainty(p) >= BLANK_CERTAINTY))
                done += len(some)
                yield TilesRated(done, unusable.size)
        noise = test.noise().reshape(grid)
        unusable[place] |= noise
        out[place][noise] = 1 / LEVELS
    yield FocusResult(out, ys, xs, tile, (shape[-2], shape[-1]), unusable)


def _check_room(image: Any, tile: int, stride: int) -> None:
    """Refuse what has more tiles, or longer rows of them, than the memory holds.

    Raises
    ------
    InputError
        Tells how many there are, and what to do.
    """
    import psutil

    shape = tuple(int(n) for n in image.shape)
    tiles = count_tiles(shape, tile, stride)
    free = psutil.virtual_memory().available
    if tiles * TILE_BYTES > SHARE_OF_MEMORY * free:
        raise InputError(
            f"The image has {tiles:,} tiles, whose ratings need "
            f"{size_in_words(tiles * TILE_BYTES)} of memory, and "
            f"{size_in_words(free)} are free; "
            "rate a part of it, or fewer tiles with a longer --stride."
        )
    row = (min(tile, shape[-2]), shape[-1])
    check_room(row, image.dtype, "A row of tiles", copies=2, advice=PART_OF_IT)


def _offset(band: Array) -> float:
    """A usual value: that of large counts would eat the contrast of float32."""
    sampled = doubles(band.ravel()[:: max(1, band.size // SAMPLED)])
    finite = sampled[np.isfinite(sampled)]
    return float(np.median(finite)) if finite.size else 0.0


def _rate(tiles: Array, probabilities: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Distributions of tiles, even where there is nothing to rate; and which."""
    # Neither NaN nor infinite, and fit for single precision.
    usable = np.asarray((np.abs(tiles) <= MAX_VALUE).all(axis=(1, 2)))
    usable[usable] = np.ptp(tiles[usable], (1, 2)) > 0
    p = np.full((len(tiles), LEVELS), 1 / LEVELS, np.float32)
    if usable.any():
        p[usable] = probabilities(tiles[usable].astype(np.float32))
    return p, ~usable
