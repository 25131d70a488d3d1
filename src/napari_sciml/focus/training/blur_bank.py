"""Blurs that training draws from: families of point-spread functions, by level."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.focus.levels import LEVELS, STEP, TILE
from napari_sciml.focus.training.optics import (
    PSF_WIDTH,
    airy_psf,
    blur,
    disk_psf,
    gaussian_psf,
    thick_psf,
)

MARGIN = PSF_WIDTH // 2
CROP = TILE + 2 * MARGIN
HAZE = 31.0
"""Diameter of the blur of light from far out of focus, in pixels."""
FAR_LEVELS = (12.0, 16.0, 22.0, 30.0)
"""Blur of 37 to 91 pixels, further out than the last level counts.

With nearer ones among them (33, 35, 40 … 85) stacks were ranked worse.
"""
FAR_WIDTH = 125
SAMPLES = 200
"""Points over the pupil; enough for the 15 turns of phase of the furthest level."""


class BlurBank:
    """Blurs crops as every family does at some levels.

    Parameters
    ----------
    levels
        Levels; may be beyond 10 or fractional.
    width
        Edge of the point-spread functions in pixels; odd. What a crop lacks for
        them is mirrored.
    device
        Where crops are blurred.
    """

    def __init__(
        self, levels: Sequence[float], width: int, device: torch.device
    ) -> None:
        self._half = width // 2
        self._pad = _fast_length(TILE + 2 * self._half)
        spectra = torch.fft.rfft2(psf_bank(tuple(levels), width), s=(self._pad,) * 2)
        self.transfer = spectra.to(device).unflatten(0, (-1, len(levels)))
        haze = torch.from_numpy(gaussian_psf(HAZE, width)).float()
        self.haze = torch.fft.rfft2(haze, s=(self._pad,) * 2).to(device)

    def blur(
        self, crops: Tensor, families: Tensor, rows: Tensor, haze: Tensor
    ) -> Tensor:
        """Blur crops.

        Parameters
        ----------
        crops
            ``(n, 134, 134)``.
        families, rows
            Family and place of the level in ``levels`` of each, ``(n,)``.
        haze
            Share of light from other depths, ``(n,)``.

        Returns
        -------
        Tensor
            Their middle, ``(n, 84, 84)``.
        """
        mirrored = [self._half - MARGIN] * 4
        crops = functional.pad(crops[:, None], mirrored, mode="reflect")[:, 0]
        share = haze[:, None, None].to(crops.device)
        transfer = (1 - share) * self.transfer[families, rows] + share * self.haze
        spectra = torch.fft.rfft2(crops, s=(self._pad,) * 2) * transfer
        valid = slice(2 * self._half, 2 * self._half + TILE)
        return torch.fft.irfft2(spectra, s=(self._pad,) * 2)[:, valid, valid]


@cache
def psf_bank(
    levels: Sequence[float] = tuple(range(LEVELS)), width: int = PSF_WIDTH
) -> Tensor:
    """PSFs of all families at some levels, ``(8 * levels, width, width)``, float32."""
    bank = [family(level, width) for family in _FAMILIES for level in levels]
    return torch.from_numpy(np.stack(bank)).float()


def _airy(
    level: float, width: int, *, na: float, pixel: float, wavelength: float
) -> Any:
    z = level * STEP * pixel / (2 * na)
    return airy_psf(
        width, z=z, na=na, pixel=pixel, wavelength=wavelength, samples=SAMPLES
    )


def _thick(level: float, width: int) -> Any:
    return thick_psf(2.0 * level, 1.2, planes=7, width=width, samples=SAMPLES)


def _disk(level: float, width: int) -> Any:
    return disk_psf(1 + STEP * level, width)


def _gaussian(level: float, width: int) -> Any:
    return gaussian_psf(1 + STEP * level, width)


def _soft_disk(level: float, width: int) -> Any:
    """Between a disk and a Gaussian, as of a pupil that is darker at its rim."""
    return (_disk(level, width) + _gaussian(level, width)) / 2


def _soft_airy(level: float, width: int) -> Any:
    """Defocus seen by a camera or relay that blurs a little itself."""
    sharp = _airy(level, width, na=0.5, pixel=0.65, wavelength=0.5)
    soft = blur(sharp, gaussian_psf(2.4, 9))
    return soft / soft.sum()


_FAMILIES: tuple[Callable[[float, int], Any], ...] = (
    partial(_airy, na=0.5, pixel=0.65, wavelength=0.5),
    partial(_airy, na=0.3, pixel=0.9, wavelength=0.6),
    partial(_airy, na=0.65, pixel=0.6, wavelength=0.52),
    _thick,
    _disk,
    _gaussian,
    _soft_disk,
    _soft_airy,
)
FAMILY_SHARES = (1.0, 1.0, 1.0, 1.0, 5.0, 2.0, 1.5, 0.5)
"""How often each family is drawn.

A disk has the spectrum of a defocused Airy pattern half a level further out: drawn
as often as the others it would be outvoted, and level 2 called out of focus.
"""


def _fast_length(length: int) -> int:
    """A length that Fourier transforms like, at least as long."""
    from scipy.fft import next_fast_len

    return int(next_fast_len(length, real=True))
