"""Find the center of a scattering pattern, and the beamstop before it."""

from itertools import pairwise

import numpy as np
from scipy import fft, ndimage

from napari_sciml.filling.polar import Grid, ring_numbers

OVERLAP = 0.12
"""Share of the known pixels that must have a known partner across a center."""
DARK = 0.5
"""Of the mean of its ring, below which a pixel may lie behind the beamstop."""
SURE = 4.0
"""Standard deviations of shot noise, and half as many of what a ring varies."""
AFTER = 8
"""Rings outside of one that is compared with them."""
REACH = 60.0
"""Pixels around the center in which the shadow begins."""


def find_center(
    image: np.ndarray, known: np.ndarray
) -> tuple[tuple[float, float], float]:
    """Find the point across which an image is most like itself.

    The correlation of the known pixels with those across each candidate center, by
    fast Fourier transforms of the masked image (Padfield, IEEE Trans. Image Process.
    21 (2012) 2706).

    Parameters
    ----------
    image
        ``(y, x)`` counts.
    known
        Where they may be used.

    Returns
    -------
    center, correlation : tuple
        ``(y, x)`` in pixels, to a fraction of one, and the correlation there.
    """
    scores = _correlations(_calm(image, known), known)
    peak = np.unravel_index(int(np.argmax(scores)), scores.shape)
    place = [_vertex(scores, (int(peak[0]), int(peak[1])), axis) / 2 for axis in (0, 1)]
    return (place[0], place[1]), float(scores[peak])


def _calm(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Roots of the counts above the lowest: their noise is alike everywhere."""
    values = image[known]
    low = min(0.0, float(np.percentile(values, 1)))
    calm = np.sqrt(np.maximum(image - low, 0), where=known, out=np.zeros(image.shape))
    calm -= calm[known].mean()
    return np.where(known, calm, 0).astype(np.float32)


def _correlations(calm: np.ndarray, known: np.ndarray) -> np.ndarray:
    shape = [fft.next_fast_len(2 * n, real=True) for n in calm.shape]
    parts = (known.astype(np.float32), calm, calm**2)
    mask, values, squares = (fft.rfft2(part, shape) for part in parts)
    count, total, power, product = (
        fft.irfft2(a * b, shape)[: 2 * known.shape[0] - 1, : 2 * known.shape[1] - 1]
        for a, b in ((mask, mask), (values, mask), (squares, mask), (values, values))
    )
    count = np.maximum(count, 1)
    spread = power - total**2 / count
    usable = (count >= OVERLAP * known.sum()) & (spread > 1e-6 * power.max())
    return np.where(
        usable, (product - total**2 / count) / np.maximum(spread, 1e-12), -1
    )


def _vertex(scores: np.ndarray, peak: tuple[int, int], axis: int) -> float:
    """Place of the maximum along an axis, by a parabola."""
    here = peak[axis]
    if not 0 < here < scores.shape[axis] - 1:
        return here
    line = np.moveaxis(scores, axis, 0)[:, peak[1 - axis]]
    before, top, after = (float(line[i]) for i in (here - 1, here, here + 1))
    bend = before - 2 * top + after
    return here + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def brightest(image: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Give the middle of the brightest smooth part, ``(y, x)``."""
    total = ndimage.gaussian_filter(np.where(known, image, 0).astype(np.float32), 12)
    weight = ndimage.gaussian_filter(known.astype(np.float32), 12)
    level = np.where(weight > 0.1, total / np.maximum(weight, 0.1), -np.inf)
    place = np.unravel_index(int(np.argmax(level)), level.shape)
    return float(place[0]), float(place[1])


def find_beamstop(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Find the shadow of the beamstop and its arm: dark, and joined to the center.

    Parameters
    ----------
    image
        ``(y, x)`` counts.
    known
        Where the detector counted.

    Returns
    -------
    ndarray
        True in the shadow, with a margin of 3 pixels; nowhere where none is found.
    """
    nowhere = np.zeros(known.shape, bool)
    shadow = _shadow(image, known, nowhere, brightest(image, known))
    center, _ = find_center(image, known & ~shadow)
    return _shadow(image, known, shadow, center)


def _shadow(
    image: np.ndarray,
    known: np.ndarray,
    before: np.ndarray,
    center: tuple[float, float],
) -> np.ndarray:
    grid = Grid.around(center, (int(image.shape[0]), int(image.shape[1])))
    counts = np.where(known, image, 0).astype(np.float32)
    weight = ndimage.uniform_filter(known.astype(np.float32), 5)
    level = ndimage.uniform_filter(counts, 5) / np.maximum(weight, 0.1)
    expected, spread = _rings(grid, level, known & ~before)
    # Corrected images are noisier than their counts tell.
    noise = np.maximum(np.sqrt(np.maximum(expected, 0) / 25), spread / 2)
    dark = (level < DARK * expected) & (expected - level > SURE * noise) & known
    parts, _ = ndimage.label(dark | ~known & _enclosed(dark))
    y, x = np.ogrid[: known.shape[0], : known.shape[1]]
    near = np.hypot(y - center[0], x - center[1]) < REACH
    wanted = np.unique(parts[near & dark])
    shadow = np.isin(parts, wanted[wanted > 0]) & dark
    return np.asarray(ndimage.binary_dilation(shadow, iterations=3) & known)


def _enclosed(dark: np.ndarray) -> np.ndarray:
    """Bridge gaps of the detector, behind which an arm goes on."""
    return np.asarray(ndimage.binary_dilation(dark, iterations=10))


def _rings(
    grid: Grid, level: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Median of each ring and its lower spread, looked up for each pixel.

    Inner rings that are dark as a whole get the median at the edge of the dark.
    """
    ring = ring_numbers(grid.radius)
    # Small numbers are sorted much faster.
    small = np.uint16 if grid.rings < 2**16 else np.int32
    order = np.argsort(ring[known].astype(small), kind="stable")
    values, rings = level[known][order], ring[known][order]
    cuts = np.searchsorted(rings, np.arange(grid.rings + 1))
    found = np.zeros((grid.rings, 2))
    for number, (start, stop) in enumerate(pairwise(cuts)):
        if stop > start:
            found[number] = np.percentile(values[start:stop], (50, 16))
    medians, spreads = found[:, 0].copy(), found[:, 0] - found[:, 1]
    edge = _edge_of_disk(medians)
    medians[:edge] = medians[edge]
    # There the shadow itself is what spreads.
    spreads[:edge] = 0
    return medians[ring], spreads[ring]


def _edge_of_disk(medians: np.ndarray) -> int:
    """First ring as bright as those outside of it, and not dark altogether."""
    least = 0.2 * medians[: int(REACH)].max()
    for ring in range(min(int(REACH), len(medians))):
        after = medians[ring : ring + AFTER]
        if medians[ring] >= max(least, after.max()):
            return ring
    return 0
