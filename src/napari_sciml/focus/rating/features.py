"""What the networks look at, whatever gain and offset the camera had."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.focus.levels import TILE

BINS = 41
SCALARS = 4
TAPERS = 3
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
    """Log power of standardized tiles in rings of frequency, ``(n, 41)``.

    Parameters
    ----------
    scaled
        Standardized tiles ``(n, 1, y, x)``. One that is turned or flipped looks the
        same, as all directions count alike.
    """
    window = _hann(scaled.shape[-1], scaled.device)
    return _in_rings(_power(scaled, window))


def steady_spectrum(scaled: Tensor) -> Tensor:
    """The same through sine tapers (Riedel and Sidorenko 1995), ``(n, 41)``.

    The Hann window of `radial_spectrum` is dark near the rim and uses a seventh of
    the light of a tile; tapers use all of it, so that noise scatters less and a cell
    at the rim is seen. Their dynamic range is the smaller one: both are needed.
    """
    tapers = _tapers(scaled.shape[-1], scaled.device)
    power = torch.stack([_power(scaled, taper) for taper in tapers]).mean(dim=0)
    return _in_rings(power)


def signal_features(scaled: Tensor) -> Tensor:
    """Signal over noise, coarseness of the values, and skew, ``(n, 4)``.

    Standardizing magnifies whatever a blank tile holds, noise or the steps of
    8 bits or JPEG; from these the network can tell that there was no signal.
    """
    kernel = scaled.new_tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    high = functional.conv2d(scaled, kernel[None, None])
    noise = high.abs().mean(dim=(1, 2, 3)) * 0.2089  # sqrt(pi / 2) / 6
    # Boxes of 6 at every third pixel fill 84 pixels, from either end.
    smooth = functional.avg_pool2d(scaled, 6, stride=3)
    contrast = smooth.std(dim=(1, 2, 3))
    ties = (_ties(scaled, -1) + _ties(scaled, -2)) / 2
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


def _ties(scaled: Tensor, axis: int) -> Tensor:
    """Share of neighbors along an axis that are alike."""
    return (scaled.diff(dim=axis).abs() < 1e-4).float().mean(dim=(1, 2, 3))


def other_texture(
    features: Tensor, tilt: float, wave: float, spectra: int = 1
) -> Tensor:
    """Change spectra as if the specimen had more or less fine structure.

    A network must not take the fineness of the specimens that it saw for focus.
    Noise, what is not above the lowest ring, stays as it is.

    Parameters
    ----------
    features
        ``(n, 41 * spectra or more)``: spectra, and what may follow.
    tilt, wave
        Standard deviation of the slope and of a wave of the power over frequency,
        in decades (the slope a decade of frequency).
    spectra
        How many spectra of the same tiles there are; all are changed alike.
    """
    gain = _gain(features, tilt, wave)
    ends = range(BINS, BINS * spectra + 1, BINS)
    changed = [_with_gain(features[:, end - BINS : end], gain) for end in ends]
    return torch.cat([*changed, features[:, BINS * spectra :]], dim=1)


def _gain(features: Tensor, tilt: float, wave: float) -> Tensor:
    count = len(features)
    frequency = torch.arange(1, 2 * BINS, 2, device=features.device) / (4 * BINS)
    place = torch.log10(frequency / 0.1)
    slope, height = features.new_empty(2, count, 1).normal_()
    phase, pace = features.new_empty(2, count, 1).uniform_()
    turns = phase + (0.3 + 1.5 * pace) * place
    gain = tilt * slope * place + wave * height * torch.sin(2 * torch.pi * turns)
    return 10**gain


def _with_gain(spectrum: Tensor, gain: Tensor) -> Tensor:
    power = 10 ** (spectrum - 1.5)
    # Rings of noise alone scatter round its level; they must not become structure.
    noise = 1.5 * power.amin(dim=1, keepdim=True)
    changed = power + (power - noise).clamp_min(0) * (gain - 1)
    counts = _rings(TILE, spectrum.device)[1]
    # Standardized as before: the sum of the power stays.
    changed = changed * ((power @ counts) / (changed @ counts))[:, None]
    return torch.log10(changed + 1e-8) + 1.5


def _power(scaled: Tensor, window: Tensor) -> Tensor:
    return torch.fft.rfft2(scaled[:, 0] * window).abs().pow(2)


def _in_rings(power: Tensor) -> Tensor:
    edge = power.shape[-2]
    rings, counts = _rings(edge, power.device)
    power = (power * _weights(edge, power.device)).flatten(1)
    sums = power.new_zeros(len(power), BINS + 1).index_add_(1, rings, power)
    return torch.log10(sums[:, :BINS] / counts / edge**2 + 1e-6) + 1.5


@cache
def _hann(edge: int, device: torch.device) -> Tensor:
    line = torch.hann_window(edge, periodic=False)
    return (line[:, None] * line[None, :]).to(device)


@cache
def _tapers(edge: int, device: torch.device) -> Tensor:
    """Orthogonal tapers of a plane; noise has the power that the Hann window gives."""
    place = torch.arange(1, edge + 1) / (edge + 1)
    lines = (
        torch.stack(
            [torch.sin(torch.pi * order * place) for order in range(1, TAPERS + 1)]
        )
        * (2 / (edge + 1)) ** 0.5
    )
    planes = lines[:, None, :, None] * lines[None, :, None, :]
    return (planes.flatten(0, 1) * edge * 0.14**0.5).to(device)


@cache
def _rings(edge: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ring of every frequency of half a plane, and how many there are in each."""
    fy = torch.fft.fftfreq(edge)[:, None]
    fx = torch.fft.rfftfreq(edge)[None, :]
    radius = torch.sqrt(fy**2 + fx**2) / 0.5
    # The corners beyond the Nyquist frequency go to a bin that nobody reads.
    rings = torch.where(radius <= 1, (radius * BINS).long().clamp_max(BINS - 1), BINS)
    rings[0, 0] = BINS
    weights = _weights(edge, torch.device("cpu")).expand(edge, -1).flatten()
    counts = torch.bincount(rings.flatten(), weights=weights, minlength=BINS + 1)[
        :BINS
    ].clamp_min(1)
    return rings.flatten().to(device), counts.float().to(device)


@cache
def _weights(edge: int, device: torch.device) -> Tensor:
    """How often a column of half a plane of frequencies is in the whole plane."""
    weights = torch.full((edge // 2 + 1,), 2.0)
    weights[0] = 1
    if edge % 2 == 0:
        weights[-1] = 1
    return weights.to(device)
