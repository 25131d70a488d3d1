"""A picture of the plane: in each part of it the patch that lies most in its middle."""

from collections.abc import Callable

import numpy as np

BINS = 12
EMPTY = np.nan


def nearest_to_centers(
    plane: np.ndarray,
    *,
    bins: int = BINS,
    window: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Choose a patch for each part of the plane; no part with patches stays empty.

    Parameters
    ----------
    plane
        ``(n, 2)``: x and y.
    bins
        Parts along each axis.
    window
        Left, right, bottom and top of what is divided; none = around all points.

    Returns
    -------
    ndarray
        ``(bins, bins)``, the first row on top: indices, -1 where there is no patch.
    """
    low, high = plane.min(0), plane.max(0)
    if window is not None:
        low, high = np.array(window)[[0, 2]], np.array(window)[[1, 3]]
    width = np.where(high > low, high - low, 1) / bins
    place = (plane - low) / width
    inside = ((place >= 0) & (place <= bins)).all(1)
    cell = np.minimum(place.astype(np.intp), bins - 1)
    away = np.linalg.norm(place - cell - 0.5, axis=1)
    chosen = np.full((bins, bins), -1, np.intp)
    # The nearest is written last.
    for index in np.flatnonzero(inside)[np.argsort(-away[inside], kind="stable")]:
        column, row = cell[index]
        chosen[bins - 1 - row, column] = index
    return chosen


def picture(chosen: np.ndarray, thumbnail: Callable[[int], np.ndarray]) -> np.ndarray:
    """Put thumbnails side by side, all in one contrast.

    Parameters
    ----------
    chosen
        Indices ``(rows, columns)``, -1 = empty.
    thumbnail
        Gives the picture ``(y, x)`` of an index.

    Returns
    -------
    ndarray
        Float32 from 0 to 1; NaN where nothing is.
    """
    made = {int(i): thumbnail(int(i)) for i in chosen[chosen >= 0]}
    edge = max((max(part.shape) for part in made.values()), default=1)
    step = edge + max(1, edge // 16)
    rows, columns = chosen.shape
    whole = np.full((rows * step, columns * step), EMPTY, np.float32)
    for (row, column), index in np.ndenumerate(chosen):
        if index >= 0:
            part = made[int(index)]
            top = row * step + (edge - part.shape[0]) // 2
            left = column * step + (edge - part.shape[1]) // 2
            whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return stretched(whole)


def stretched(values: np.ndarray) -> np.ndarray:
    """Bring all but a few extreme values to 0 to 1; NaN stays."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [0.5, 99.5]) if known.size else (0.0, 1.0)
    scaled = (values - low) / ((high - low) or 1.0)
    return np.clip(scaled, 0, 1).astype(np.float32)
