"""Whether a tile holds anything, or only noise that a filter made look like it.

A median filter, a mosaic of colors or a resampling leaves noise that hangs together
from pixel to pixel, of which networks are as sure as of a sharp specimen. Three things
tell it from a scene, whatever filter it was:

* a filter reaches a few pixels only, so over long periods its noise is as strong at
  one as at the next; at most it falls as the Gaussian of that reach does;
* it is as strong here as there;
* it rises above its mean as often as it falls below.

All are measured in units of how much they scatter in noise. A plane in which hardly
any tile departs from noise is an empty field. Noise that was smoothed over more than
`REACH`, as by strong non-local means, cannot be told from a blurred specimen.
"""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.focus.levels import TILE

Array = np.ndarray[Any, np.dtype[Any]]

BANDS = (1.0, 2.5, 4.5, 7.0)
"""Periods that are looked at, in cycles a tile: 84 pixels down to 12."""
REACH = 2.5
"""Standard deviation in pixels of the widest filter that noise may have passed."""
SHARPENED = 0.3
"""How much rise of the spectrum a sharpening may bring, as a share of that reach."""
FINE, COARSE = 2.0, 4.0
"""Standard deviations of the two Gaussians whose difference shows local strength."""
BLOCKS = 6
"""Along a tile, to compare strength here and there."""
USUAL = (-0.22, 0.07, -0.01, 0.375, 0.02)
SCATTER = (0.16, 0.066, 0.035, 0.051, 0.08)
"""What filtered noise gives: three bands, unevenness, skew; and their scatter.

Found on noise of four cameras, raw and through twelve filters; see
``benchmarks/focus.py --part empty``, which counts the alarms with others.
"""
LIMIT = 40.0
"""Squared distance from noise beyond which a tile holds something."""
SCENE = 0.15
"""Share of such tiles that makes a plane a scene; its other tiles may be smooth."""
SPECK = 3.0
"""In a plane that is no scene, a tile has to be that much further from noise."""
ALIKE = (0.36, 0.25)
"""Scatter of log power between the tiles of noise, in the last two bands."""
ENOUGH, LENIENT = 9, 3.0
"""Where so many tiles are alike, the limit is higher: scenes hardly ever are."""
CLIPPED = 3.0
"""Standard deviations at which values are cut off for their skew."""
TAPERS = 3
TINY = 1e-20


class NoiseTest:
    """Collects how the tiles of a plane look, then tells which are noise."""

    def __init__(self) -> None:
        self._distances: list[Array] = []
        self._powers: list[Array] = []

    def add(self, tiles: Array, sure: Array) -> None:
        """Look at some more tiles.

        Parameters
        ----------
        tiles
            ``(n, y, x)`` of any gain and offset.
        sure
            Those ``(n,)`` that a network is sure of. The others are blank anyway.
        """
        distance = np.full(len(tiles), np.nan)
        if sure.any():
            distance[sure], power = look_at(tiles[sure])
            self._powers.append(power)
        self._distances.append(distance)

    def noise(self) -> Array:
        """Tiles, in the order they came, that hold nothing but noise, bool ``(n,)``.

        None of a scene, and all but specks of an empty field.
        """
        distance = np.concatenate(self._distances)
        if not self._powers:
            return np.zeros(len(distance), bool)
        limit = LIMIT * (LENIENT if _alike(np.concatenate(self._powers)) else 1)
        if (distance[np.isfinite(distance)] > limit).mean() >= SCENE:
            return np.zeros(len(distance), bool)
        found: Array = distance <= SPECK * limit
        return found


@torch.inference_mode()
def look_at(tiles: Array) -> tuple[Array, Array]:
    """Compare tiles ``(n, y, x)`` with filtered noise.

    Light that is bent over a tile, and stripes along rows and columns, are taken out.

    Returns
    -------
    tuple
        Squared distance from noise ``(n,)``, and log power in three bands ``(n, 3)``.
    """
    centered = tiles - tiles.mean(axis=(1, 2), keepdims=True)
    flat = _flat(resized(torch.from_numpy(centered.astype(np.float32))))
    power = _band_power(flat)
    middle = _middle(flat)
    shape = torch.stack([_unevenness(middle), _skew(middle)], dim=1)
    values = torch.cat([_departure(power), shape], dim=1)
    away = (values - values.new_tensor(USUAL)) / values.new_tensor(SCATTER)
    return away.square().sum(dim=1).numpy(), power.numpy()


def resized(tiles: Tensor) -> Tensor:
    """Tiles ``(n, y, x)`` with the edge that the networks know."""
    if tiles.shape[-1] == TILE:
        return tiles
    return torch.nn.functional.interpolate(
        tiles[:, None], (TILE, TILE), mode="bilinear", antialias=True
    )[:, 0]


def _alike(power: Array) -> bool:
    if len(power) < ENOUGH:
        return False
    low, high = np.percentile(power[:, 1:], [16, 84], axis=0)
    return bool(((high - low) / 2 < ALIKE).all())


def _flat(tiles: Tensor) -> Tensor:
    """Without shading of second order and without stripes."""
    shades = _shades()
    pixels = tiles.flatten(1)
    pixels = pixels - pixels.mean(dim=1, keepdim=True)
    flat = (pixels - (pixels @ shades) @ shades.T).reshape(tiles.shape)
    flat = flat - flat.mean(dim=1, keepdim=True)
    return flat - flat.mean(dim=2, keepdim=True)


def _band_power(flat: Tensor) -> Tensor:
    """Log power in the bands, ``(n, 3)``."""
    down, across, members = _waves()
    waves = down @ flat.to(down.dtype) @ across.T
    shape = (len(flat), TAPERS, -1, TAPERS, across.shape[0] // TAPERS)
    power = waves.abs().square().reshape(shape).mean(dim=(1, 3)).flatten(1)
    return (power @ members + TINY).log()


def _departure(power: Tensor) -> Tensor:
    """What is left of log power after the best Gaussian filter within reach."""
    place, weight = (power.new_tensor(each) for each in _places())
    level = (power * weight).sum(dim=1, keepdim=True)
    place = place - (place * weight).sum()
    slope = -(power - level) @ (weight * place) / (weight * place.square()).sum()
    slope = slope.clamp(-SHARPENED * REACH**2, REACH**2)
    return power - level + slope[:, None] * place


def _middle(flat: Tensor) -> Tensor:
    """Structure of a few pixels."""
    fine, coarse = _smoothing(FINE), _smoothing(COARSE)
    return fine @ flat @ fine.T - coarse @ flat @ coarse.T


def _skew(middle: Tensor) -> Tensor:
    """Skew of the values, in which a few hot pixels do not count for much."""
    middle = middle.flatten(1)
    spread = middle.std(dim=1, keepdim=True) + TINY
    values = (middle / spread).clamp(-CLIPPED, CLIPPED)
    return values.pow(3).mean(dim=1)


def _unevenness(middle: Tensor) -> Tensor:
    """How much log strength differs between the blocks of a tile."""
    edge = TILE // BLOCKS
    blocks = torch.nn.functional.avg_pool2d(middle.square()[:, None], edge)
    blocks = blocks.flatten(1)
    # A block that a filter made even is weak, not infinitely so.
    floor = 1e-6 * blocks.mean(dim=1, keepdim=True) + TINY
    return (blocks + floor).log().std(dim=1, correction=0)


@cache
def _shades() -> Tensor:
    """Orthonormal polynomials of the second order over a tile, ``(pixels, 6)``."""
    line = np.linspace(-1, 1, TILE)
    y, x = np.meshgrid(line, line, indexing="ij")
    terms = [y**i * x**j for i in range(3) for j in range(3 - i)]
    basis = np.linalg.qr(np.stack([term.ravel() for term in terms], axis=1))[0]
    return torch.from_numpy(basis).float()


@cache
def _waves() -> tuple[Tensor, Tensor, Tensor]:
    """Tapered waves down and across, and which pairs make up each band."""
    pixels = np.arange(TILE)
    orders = np.arange(1, TAPERS + 1)[:, None]
    tapers = np.sin(np.pi * orders * (pixels + 1) / (TILE + 1))
    down, across = (np.array(each) for each in _cycles())
    waves = [
        (tapers[:, None] * np.exp(-2j * np.pi * each[:, None] * pixels / TILE))
        .reshape(-1, TILE)
        .astype(np.complex64)
        for each in (down, across)
    ]
    radius = np.hypot(down[:, None], across).ravel()
    inside = [(radius >= low) & (radius < high) for low, high in pairwise(BANDS)]
    members = np.stack([band / band.sum() for band in inside], axis=1)
    first, second = (torch.from_numpy(each) for each in waves)
    return first, second, torch.from_numpy(members).float()


def _cycles() -> tuple[list[int], list[int]]:
    """Cycles a tile down and across; 0 is where stripes lie."""
    last = int(BANDS[-1])
    across = list(range(1, last))
    return [-cycle for cycle in across[::-1]] + across, across


@cache
def _places() -> tuple[list[float], list[float]]:
    """Mean squared frequency of the bands, and their weights."""
    down, across = _cycles()
    radius = np.hypot(np.array(down)[:, None], across).ravel()
    bands = [radius[(radius >= low) & (radius < high)] for low, high in pairwise(BANDS)]
    places = [float(np.mean((2 * np.pi * band / TILE) ** 2)) for band in bands]
    return places, [len(band) / sum(map(len, bands)) for band in bands]


@cache
def _smoothing(sigma: float) -> Tensor:
    """A Gaussian along a line of a tile as a matrix; ends are mirrored."""
    from scipy.ndimage import gaussian_filter1d

    matrix = gaussian_filter1d(np.eye(TILE), sigma, axis=0, mode="reflect")
    return torch.from_numpy(matrix).float()
