"""Colors by hue, saturation and value."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def from_hsv(
    hue: ArrayLike, saturation: ArrayLike = 1.0, value: ArrayLike = 1.0
) -> np.ndarray[Any, np.dtype[Any]]:
    """Colors ``(…, 3)``, 0 to 1, of a hue in turns, a saturation and a value.

    The three have shapes that fit each other. Matplotlib has this, too, but takes 0.1 s
    to import, which no dock should wait for.
    """
    parts = (hue, saturation, value)
    turns, full, bright = (np.asarray(part, float)[..., None] for part in parts)
    sector = (np.array([5, 3, 1]) + 6 * turns) % 6
    less = np.clip(np.minimum(sector, 4 - sector), 0, 1)
    return np.asarray(bright * (1 - full * less))
