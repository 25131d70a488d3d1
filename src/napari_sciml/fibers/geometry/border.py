"""Lengths without the bias of the border.

The border cuts fibers, and long ones sooner than short ones: the mean length of all
that is seen is too small, and so is that of the whole fibers alone. But how likely it
is that a fiber lies wholly inside is known from its own size: a fiber whose bounding
box is b voxels wide can lie in n - b - 1 places, out of n voxels along an axis, without
touching the border. So each whole fiber stands for 1 / ((n - b - 1) ...) fibers, and a
cut one for none (Miles, Adv. Appl. Probab. 6, 1974, suppl. 26-29 and Lantuejoul, 1978,
for images; a Horvitz-Thompson estimator: Baddeley, "Spatial sampling and censoring", in
Stochastic Geometry, 1999, 37-78). It needs no assumption on the lengths, and none on
the shapes; only that the sample is the same everywhere, and that no fiber is so long
that it never fits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.voxels import make_grid

Array = NDArray[np.float64]


def whole_fiber_weights(
    table: pd.DataFrame,
    shape: Sequence[int],
    voxel_size: Sequence[float] | None = None,
) -> Array:
    """Weights that undo the bias of the border.

    Parameters
    ----------
    table
        From `measure_fibers`.
    shape, voxel_size
        Of the labels that it was measured from.

    Returns
    -------
    ndarray
        ``(n,)``: 0 for fibers that touch the border; for the others the inverse of
        the probability to lie wholly inside, 1 or more, as if its center had been
        laid anywhere inside the volume.

    Raises
    ------
    InputError
        If the voxel size does not fit the shape.
    """
    grid = make_grid(shape, voxel_size)
    axes = slice(int(grid.flat), None)
    extent = table[["extent_z", "extent_y", "extent_x"]].to_numpy(np.float64)[:, axes]
    boxes = np.rint(extent / grid.spacing[axes])
    edges = np.array(grid.shape[axes])
    places = np.prod((edges - boxes - 1) / edges, axis=1, where=edges - boxes > 1)
    whole = ~table["touches_border"].to_numpy(bool)
    return np.where(whole, 1 / np.maximum(places, 1e-12), 0.0)


def effective_number(weights: Array) -> float:
    """Fibers of equal weight that would tell as much (Kish, "Survey Sampling")."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0
