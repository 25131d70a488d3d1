"""How noisy counts are."""

import numpy as np


def noise_unit(image: np.ndarray, known: np.ndarray) -> float:
    """Variance over mean of neighboring pixels: 1 for counts, less for averages."""
    both = known[:, 1:] & known[:, :-1]
    if not both.any():
        return 1.0
    left, right = image[:, :-1][both], image[:, 1:][both]
    level = (left + right) / 2
    bright = level > max(0.0, float(np.median(level)) * 0.5)
    if not bright.any():
        return 1.0
    # Of medians: a few edges of the pattern must not count. 0.455 is that of a square.
    ratio = (left - right)[bright] ** 2 / 2 / level[bright]
    unit = float(np.median(ratio)) / 0.455
    return unit if np.isfinite(unit) and unit > 0 else 1.0
