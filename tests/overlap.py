"""How far a mask is the true one."""

import numpy as np


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Dice coefficient of two masks; 0 where both are empty."""
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))
