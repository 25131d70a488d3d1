"""From connected components to single fibers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.fibers.splitting.assignment import nearest_fibers
from napari_sciml.fibers.splitting.lines import find_lines
from napari_sciml.fibers.splitting.ridges import distances, find_ridges
from napari_sciml.fibers.voxels import make_grid
from napari_sciml.images.components import connected_components


def split_fibers(components: ArrayLike, *, voxel_size: Sequence[float] | None = None, dust: int = 0):
    values = np.asarray(components)
    grid = make_grid(values.shape, voxel_size)
    labels = values.reshape(grid.shape)
    mask = labels != 0
    if not mask.any():
        return np.zeros(values.shape, np.uint8)
    spacing = grid.spacing
    distance, radius = distances(mask, spacing)
    ridges = find_ridges(mask, distance, spacing, radius, grid.flat)
    lines = find_lines(ridges, mask, spacing, radius)
    at = np.rint(ridges.points / spacing).astype(np.int64)
    at = np.clip(at, 0, np.array(grid.shape) - 1)
    ridge_component = labels[tuple(at.T)]
    index = np.stack(np.nonzero(mask), axis=1)
    component = labels[mask]
    fiber, far = nearest_fibers(index, component, lines, ridges, ridge_component, spacing)
    n = int(fiber.max()) + 1
    whole = fiber < 0
    fiber[whole] = n + component[whole]
    _, first, inverse = np.unique(fiber, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    out = np.zeros(grid.shape, np.min_scalar_type(len(first)))
    out[mask] = rank[inverse]
    return out.reshape(values.shape)
