"""Tiles of known defocus, made from in-focus images: blur first, noise after."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.ndimage import zoom
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.focus.levels import LEVELS, TILE
from napari_sciml.focus.training.blur_bank import (
    CROP,
    FAMILY_SHARES,
    FAR_LEVELS,
    FAR_WIDTH,
    MARGIN,
    BlurBank,
)
from napari_sciml.focus.training.optics import PSF_WIDTH

ZOOMS = (1.0, 0.8, 0.62, 0.5)
FAR_SHARE = 0.5
"""Of the tiles of the last level, those that are blurred more than it.

In a stack most planes are far from focus; without such tiles they looked sharper the
further out they were, and a stack had no clear best plane.
"""


class TileMaker:
    """Makes training tiles without end.

    Parameters
    ----------
    images
        In-focus images ``(y, x)`` of any gain and offset.
    generator
        Where all that is random comes from.
    blanks
        Share of tiles without any structure, under a random level: what they teach
        is that nothing can be told.
    noise
        Add noise after the blur.
    device
        Where the tiles are made.

    Raises
    ------
    InputError
        When no image is large enough or has any contrast.
    """

    def __init__(
        self,
        images: Sequence[Any],
        generator: torch.Generator,
        *,
        blanks: float = 0.12,
        noise: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        self.generator, self.blanks, self.noise = generator, blanks, noise
        self.device = torch.device(device)
        self.images = [view for image in images for view in _zoomed(image)]
        if not self.images:
            raise InputError(
                f"No image with contrast of at least {CROP} x {CROP} pixels; "
                "give larger in-focus images."
            )
        self._shares = torch.tensor(FAMILY_SHARES)
        self._near = BlurBank(range(LEVELS), PSF_WIDTH, self.device)
        self._far = BlurBank(FAR_LEVELS, FAR_WIDTH, self.device)
        self._dct = _dct_matrix()

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Make ``(size, 1, 84, 84)`` tiles and their levels ``(size,)``."""
        levels = self._integers(LEVELS, size)
        crops = torch.stack([self._crop() for _ in range(size)]).to(self.device)
        tiles = self._blurred(crops, levels).clamp_min(0).cpu()
        if self.noise:
            tiles = self._camera(tiles)
        return tiles[:, None].to(self.device), levels.to(self.device)

    def _blurred(self, crops: Tensor, levels: Tensor) -> Tensor:
        """Blur to the levels, one in five with light from other depths."""
        size = len(levels)
        families = torch.multinomial(
            self._shares, size, replacement=True, generator=self.generator
        )
        haze = self._uniform(0.1, 0.6, size) * (self._uniform(0, 1, size) < 0.2)
        tiles = self._near.blur(crops, families, levels, haze)
        last = levels == LEVELS - 1
        far = last & (self._uniform(0, 1, size) < FAR_SHARE)
        rows = self._integers(len(FAR_LEVELS), size)
        if far.any():
            chosen = (families[far], rows[far], haze[far])
            tiles[far.to(self.device)] = self._far.blur(
                crops[far.to(self.device)], *chosen
            )
        return tiles

    def _crop(self) -> Tensor:
        image = self.images[int(self._integers(len(self.images), 1))]
        best, contrast = image[:CROP, :CROP], -1.0
        for _ in range(2):  # the livelier of two places: most of a field is empty
            y = int(self._integers(image.shape[0] - CROP + 1, 1))
            x = int(self._integers(image.shape[1] - CROP + 1, 1))
            crop = image[y : y + CROP, x : x + CROP]
            spread = float(crop[MARGIN:-MARGIN, MARGIN:-MARGIN].std())
            if spread > contrast:
                best, contrast = crop, spread
        if int(self._integers(2, 1)):
            best = best.T
        flips = [d for d in (0, 1) if int(self._integers(2, 1))]
        best = best.flip(flips) if flips else best
        if int(self._integers(2, 1)):  # another specimen: dim parts brighter or dimmer
            best = best ** float(2 ** self._uniform(-0.8, 0.6, 1))
        return 1 - best.clamp_max(1) if self._uniform(0, 1, 1) < 0.1 else best

    def _camera(self, tiles: Tensor) -> Tensor:
        """Photons, background light, read noise, and what files do to values."""
        size = len(tiles)
        blank = self._uniform(0, 1, size) < self.blanks
        tiles[blank] = self._haze(int(blank.sum()))
        peak = 10 ** self._uniform(1.4, 4.2, size)
        floor = 10 ** self._uniform(-0.5, 2.3, size)
        light = tiles * peak[:, None, None] + floor[:, None, None]
        noisy = torch.poisson(light, generator=self.generator)
        read = self._uniform(0.5, 5.0, size)[:, None, None]
        grain = torch.randn(noisy.shape, generator=self.generator)
        # A camera that was binned or resampled has grain that hangs together.
        soft = (self._uniform(0, 1, size) < 0.15)[:, None, None]
        noisy = light + torch.where(soft, _soften(noisy - light), noisy - light)
        noisy = noisy + read * torch.where(soft, _soften(grain), grain)
        return self._stored(noisy, peak)

    def _haze(self, count: int) -> Tensor:
        """Blank tiles: even, or with a slope of light that may be bent."""
        line = torch.linspace(-0.5, 0.5, TILE)
        slope_y, slope_x, bend = self._uniform(-1, 1, 3 * count).view(3, -1, 1, 1)
        amount = 10 ** self._uniform(-4, -1.2, count)[:, None, None]
        down, across = line[:, None], line[None, :]
        plane = slope_y * down + slope_x * across + bend * (down**2 + across**2)
        return (plane * amount + 0.02).clamp_min(0)

    def _stored(self, tiles: Tensor, peak: Tensor) -> Tensor:
        """Round to counts, to 8 bits or through JPEG."""
        way = self._uniform(0, 1, len(tiles))
        # As a viewer would: the brightest of the field becomes 30 to 255.
        gain = self._uniform(30, 255, len(tiles)) / (peak + 20)
        eight = (tiles * gain[:, None, None] + 3).clamp(0, 255).round()
        jpeg = self._through_jpeg(eight)
        tiles = torch.where((way < 0.35)[:, None, None], eight, tiles.round())
        return torch.where((way < 0.12)[:, None, None], jpeg, tiles)

    def _through_jpeg(self, tiles: Tensor) -> Tensor:
        """Quantize the cosine coefficients of 8 x 8 blocks, off the tile's grid."""
        shift = int(self._integers(8, 1))
        rolled = tiles.roll((shift, shift), (1, 2))
        rolled = torch.nn.functional.pad(rolled, (0, 4, 0, 4), mode="replicate")
        count, edge = len(tiles), (TILE + 4) // 8
        blocks = rolled.reshape(count, edge, 8, edge, 8).permute(0, 1, 3, 2, 4)
        ramp = torch.arange(8.0)
        table = 2 + 1.2 * (ramp[:, None] + ramp)
        table = table * 10 ** self._uniform(-0.3, 0.9, count)[:, None, None, None, None]
        coded = torch.round(self._dct @ blocks @ self._dct.T / table) * table
        back = (self._dct.T @ coded @ self._dct).permute(0, 1, 3, 2, 4)
        whole = back.reshape(count, TILE + 4, TILE + 4)[:, :TILE, :TILE]
        return whole.roll((-shift, -shift), (1, 2)).clamp(0, 255).round()

    def _uniform(self, low: float, high: float, size: int) -> Tensor:
        return torch.rand(size, generator=self.generator) * (high - low) + low

    def _integers(self, high: int, size: int) -> Tensor:
        return torch.randint(high, (size,), generator=self.generator)


def _zoomed(image: Any) -> list[Tensor]:
    """An image at several sizes, background 0 and bright structure about 1."""
    values = np.asarray(image, dtype=np.float32)
    if values.ndim != 2:
        raise InputError("An in-focus image for training must be (y, x).")
    low, high = np.percentile(values, [1, 99.7])
    if not np.isfinite(values).all() or high <= low:
        return []
    values = np.clip((values - low) / (high - low), 0, 1.5)
    views = [values if z == 1 else zoom(_smooth(values, z), z, order=1) for z in ZOOMS]
    return [torch.from_numpy(v.copy()).float() for v in views if min(v.shape) >= CROP]


def _smooth(values: Any, factor: float) -> Any:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, 0.35 / factor)


def _soften(grain: Tensor) -> Tensor:
    soft = torch.nn.functional.avg_pool2d(
        torch.nn.functional.pad(grain[:, None], (0, 1, 0, 1), mode="replicate"),
        2,
        stride=1,
    )
    return soft[:, 0]


def _dct_matrix() -> Tensor:
    k = torch.arange(8.0)
    matrix = torch.cos(torch.pi * (k[None, :] + 0.5) * k[:, None] / 8) / 2
    matrix[0] /= 2**0.5
    return matrix
