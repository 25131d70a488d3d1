"""Scattering patterns with a known truth, drawn for the tests."""

import numpy as np

CENTER = (73.25, 101.5)


def pattern(shape=(160, 200), center=CENTER, seed=0, level=60.0):
    """Counts of rings with a streak, and what was expected of each pixel."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    r = np.hypot(y - center[0], x - center[1])
    angle = np.arctan2(y - center[0], x - center[1])
    rings = np.exp(-((r - 40) ** 2) / 30) + 0.6 * np.exp(-((r - 70) ** 2) / 40)
    streak = 1 + 0.5 * np.cos(2 * angle)
    expected = level * (0.3 + rings * streak + 3 * np.exp(-r / 12))
    counts = np.random.default_rng(seed).poisson(expected).astype(np.int32)
    return counts, expected


def module_gaps(shape=(160, 200)):
    """Gaps of a detector: two rows and a column of 6 pixels."""
    gaps = np.zeros(shape, bool)
    for start in (30, 110):
        gaps[start : start + 6] = True
    gaps[:, 140:146] = True
    return gaps


def with_gaps(counts, gaps):
    return np.where(gaps, -2, counts).astype(np.int32)
