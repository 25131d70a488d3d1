"""What the networks look at, whatever gain and offset the camera had."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.focus.levels import TILE

BINS = 41
SCALARS = 4
EPSILON = 1e-12


def standardize(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Scale every tile ``(n, 1, y, x)`` to mean 0 and standard deviation 1.

    Returns
    -------
    tuple
        The scaled tiles, and which of them have any contrast at all, ``(n,)``.
    """
    mean = tiles.mean(dim=(1, 2, 3), keepdim=True)
    centered = tiles - mean
    std = centered.pow(2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    # Below the resolution of float32 a difference is rounding, not contrast.
    alive = std > 2e-6 * mean.abs() + EPSILON
    scaled = torch.where(alive, centered / std.clamp_min(EPSILON), 0.0)
    return scaled, alive.flatten()


def radial_spectrum(scaled: Tensor) -> Tensor:
    """Log power of standardized tiles in rings of frequency, ``(n, 41)``."""
    edge = scaled.shape[-1]
    window, rings, counts = _rings(edge, scaled.device)
    power = torch.fft.rfft2(scaled[:, 0] * window).abs().pow(2).flatten(1)
    sums = power.new_zeros(len(power), BINS + 1).index_add_(1, rings, power)
    mean = sums[:, :BINS] / counts
    return torch.log10(mean / edge**2 + 1e-6) + 1.5


def signal_features(scaled: Tensor) -> Tensor:
    """Signal over noise, coarseness of the values, and skew, ``(n, 4)``.

    Standardizing magnifies whatever a blank tile holds, noise or the steps of
    8 bits or JPEG; from these the network can tell that there was no signal.
    """
    kernel = scaled.new_tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    high = functional.conv2d(scaled, kernel[None, None])
    noise = high.abs().mean(dim=(1, 2, 3)) * 0.2089  # sqrt(pi / 2) / 6
    smooth = functional.avg_pool2d(scaled, 7, stride=3)
    contrast = smooth.std(dim=(1, 2, 3))
    flat = (scaled[..., 1:] - scaled[..., :-1]).abs() < 1e-4
    ties = flat.float().mean(dim=(1, 2, 3))
    skew = scaled.clamp(-6, 6).pow(3).mean(dim=(1, 2, 3))
    return torch.stack(
        [
            torch.log10(noise + 1e-4) + 1.5,
            torch.log10(contrast / (noise + 1e-4) + 1e-2) - 0.5,
            2 * ties,
            skew / 4,
        ],
        dim=1,
    )


def other_texture(features: Tensor, tilt: float, wave: float) -> Tensor:
    """Change spectra as if the specimen had more or less fine structure.

    A network must not take the fineness of the specimens that it saw for focus.
    Noise, what is not above the lowest ring, stays as it is.

    Parameters
    ----------
    features
        ``(n, 41 or more)``, of `radial_spectrum` and what may follow.
    tilt, wave
        Standard deviation of the slope and of a wave of the power over frequency,
        in decades (the slope a decade of frequency).
    """
    count = len(features)
    power = 10 ** (features[:, :BINS] - 1.5)
    # Rings of noise alone scatter round its level; they must not become structure.
    noise = 1.5 * power.amin(dim=1, keepdim=True)
    excess = (power - noise).clamp_min(0)
    frequency = torch.arange(1, 2 * BINS, 2, device=features.device) / (4 * BINS)
    place = torch.log10(frequency / 0.1)
    slope, height = features.new_empty(2, count, 1).normal_()
    phase, pace = features.new_empty(2, count, 1).uniform_()
    turns = phase + (0.3 + 1.5 * pace) * place
    gain = tilt * slope * place + wave * height * torch.sin(2 * torch.pi * turns)
    changed = power + excess * (10**gain - 1)
    counts = _rings(TILE, features.device)[2]
    # Standardized as before: the sum of the power stays.
    changed = changed * ((power @ counts) / (changed @ counts))[:, None]
    spectrum = torch.log10(changed + 1e-8) + 1.5
    return torch.cat([spectrum, features[:, BINS:]], dim=1)


@cache
def _rings(edge: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    line = torch.hann_window(edge, periodic=False)
    fy = torch.fft.fftfreq(edge)[:, None]
    fx = torch.fft.rfftfreq(edge)[None, :]
    radius = torch.sqrt(fy**2 + fx**2) / 0.5
    # The corners beyond the Nyquist frequency go to a bin that nobody reads.
    rings = torch.where(radius <= 1, (radius * BINS).long().clamp_max(BINS - 1), BINS)
    rings[0, 0] = BINS
    counts = torch.bincount(rings.flatten(), minlength=BINS + 1)[:BINS].clamp_min(1)
    window = line[:, None] * line[None, :]
    return window.to(device), rings.flatten().to(device), counts.float().to(device)
