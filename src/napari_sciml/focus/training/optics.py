"""What defocus does to an image: point-spread functions, exposure and noise."""

from typing import Any

import numpy as np
from scipy.special import j0

Array = np.ndarray[Any, np.dtype[Any]]
PSF_WIDTH = 51
"""Edge of a point-spread function, in pixels."""


def airy_psf(
    width: int = PSF_WIDTH,
    *,
    z: float = 0.0,
    pixel: float = 0.65,
    wavelength: float = 0.5,
    na: float = 0.5,
    index: float = 1.0,
    normalize: bool = True,
    spherical: float = 0.0,
    samples: int = 400,
) -> Array:
    """Defocused Airy pattern of a circular pupil (scalar, paraxial).

    ``|∫₀¹ J₀(k NA/n r t) exp(-½ i k t² z (NA/n)²) t dt|²`` with ``k = 2π/λ``, as
    in Yang et al. (2018).

    Parameters
    ----------
    width
        Edge in pixels; odd.
    z, pixel, wavelength
        Defocus, edge of a pixel and wavelength, in one unit (µm).
    na, index
        Numerical aperture and refractive index.
    normalize
        Scale the sum to 1.
    spherical
        Primary spherical aberration, in waves at the rim of the pupil.
    samples
        Points of the Gauss-Legendre rule over the pupil.

    Returns
    -------
    ndarray
        ``(width, width)``, float64.
    """
    k, sine = 2 * np.pi / wavelength, na / index
    nodes, weights = np.polynomial.legendre.leggauss(samples)
    rho, weights = (nodes + 1) / 2, weights / 2
    phase = -0.5 * k * rho**2 * z * sine**2 + 2 * np.pi * spherical * rho**4
    pupil = np.exp(1j * phase) * rho * weights
    radii, places = np.unique(np.round(_radius(width), 9), return_inverse=True)
    amplitude = j0(k * sine * pixel * radii[:, None] * rho) @ pupil
    psf = (np.abs(amplitude) ** 2)[places].reshape(width, width)
    return psf / psf.sum() if normalize else psf


def disk_psf(diameter: float, width: int = PSF_WIDTH) -> Array:
    """Even disk with a soft rim of one pixel; sums to 1."""
    psf = np.clip(diameter / 2 + 0.5 - _radius(width), 0, 1)
    return psf / psf.sum()


def gaussian_psf(diameter: float, width: int = PSF_WIDTH) -> Array:
    """Gaussian of the same second moment as a disk (sigma = diameter / 4)."""
    psf = np.exp(-0.5 * (_radius(width) / max(diameter / 4, 0.2)) ** 2)
    return psf / psf.sum()


def thick_psf(z: float, depth: float, *, planes: int = 9, **optics: Any) -> Array:
    """Mean of Airy patterns over a specimen of ``±depth`` round ``z``."""
    places = np.linspace(z - depth, z + depth, planes)
    return np.mean([airy_psf(z=float(place), **optics) for place in places], axis=0)


def blur(image: Array, psf: Array) -> Array:
    """Convolve an image ``(y, x)`` with a PSF; edges are mirrored."""
    from scipy.signal import fftconvolve

    half = psf.shape[0] // 2
    padded = np.pad(image, half, mode="symmetric")
    return fftconvolve(padded, psf, mode="valid")


def add_noise(
    image: Array,
    rng: np.random.Generator,
    *,
    offset: float = 100.0,
    electrons: float = 65535.0,
    read: float = 0.0,
) -> Array:
    """Photon noise of the light above the offset, and read noise.

    Parameters
    ----------
    image
        Scaled to 0..1, already blurred: noise that is added before the blur
        teaches a network nothing about real images.
    offset, read
        Camera offset and standard deviation of the read noise, in electrons.
    electrons
        Electrons of a value of 1.
    """
    signal = np.maximum(image * electrons - offset, 0.0)
    noisy = rng.poisson(signal) + offset
    if read:
        noisy = noisy + rng.normal(0.0, read, image.shape)
    return np.clip(noisy / electrons, 0.0, 1.0)


def _radius(width: int) -> Array:
    half = (width - 1) / 2
    line = np.arange(width) - half
    return np.hypot(line[:, None], line[None, :])
