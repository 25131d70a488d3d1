"""Where to label next: where the networks disagree most, and nobody has been yet.

An image is cut into small cells, and these are put together to blocks that overlap by
half. A block counts as much as the mean of the most disputed quarter of its cells: a
single noisy voxel does not move that, a thin seam round a fiber only a little, a patch
that the networks really dispute a lot.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.uncertainty.block_grid import Grid, apart, damped

EDGE = 16
LEAST = 0.01
"""Information of the disputed quarter that is still worth a stroke: a deviation of
about 0.06 between two classes that are equally likely."""
DISMISSED = 1.5
"""Distance to keep from dismissed spots, in blocks; from visited ones it is 1."""
TOP = 0.25
"""Part of a block that decides."""
KNOWN = 0.5
"""Part of a slice of a block that must be predicted."""
SLAB_VOXELS = 2**19


@dataclass(frozen=True)
class Query:
    """A place to label.

    Attributes
    ----------
    center
        The voxel in the middle.
    region
        The box round it; one voxel thick along the slider axis.
    score
        Mean information of the most disputed quarter of the block.
    """

    center: tuple[int, ...]
    region: Region
    score: float


def next_query(information: Any, known: np.ndarray, **options: Any) -> Query | None:
    """Find the place that is most worth a stroke; see `search` for the options.

    Returns
    -------
    Spot or None
        None when no place is left.
    """
    spot = None
    for found in search(information, known, **options):
        spot = found
    return spot


def search(
    information: Any,
    known: np.ndarray,
    *,
    labeled: np.ndarray | None = None,
    visited: Sequence[Sequence[int]] = (),
    dismissed: Sequence[Sequence[int]] = (),
    edge: int = EDGE,
    spacing: Sequence[float] | None = None,
    axis: int | None = None,
) -> Generator[Query | None, None, None]:
    """Search the most informative place, some milliseconds at a time.

    Parameters
    ----------
    information
        Array-like ``(y, x)`` or ``(z, y, x)``, not negative: what the networks
        disagree about, such as the mutual information. Read slab by slab.
    known
        bool, the same shape: where there is a prediction.
    labeled
        ``(n, ndim)`` voxels with a label: no block that holds one is proposed.
    visited
        Spots that were shown, the oldest first. No spot comes within a block edge of
        them again, and what lies up to some edges from the last ones has to wait.
    dismissed
        Spots that are no use: none comes within 1.5 block edges of them.
    edge
        Of a block, in voxels of the finest axis.
    spacing
        Edges of a voxel, in any unit, so that blocks are about cubes.
    axis
        The axis of the viewer's slider: the spot is the slice of the block along it
        with the largest disputed area. By default the spot is the whole block.

    Yields
    ------
    Spot or None
        None while it searches; the spot at last, or nothing when no place is left.

    Raises
    ------
    InputError
        When shapes do not fit.
    """
    grid = Grid(known.shape, edge, spacing)
    _check(information, known, visited, dismissed, axis)
    taken = grid.cells_of(labeled)
    sums, counts = yield from _cells(information, known, grid)
    least = KNOWN * grid.slice_voxels(axis)
    score = np.empty(grid.blocks, np.float32)
    for row in range(grid.blocks[0]):
        score[row] = _row(grid, row, sums, counts, taken, least)
        yield None
    free = score >= LEAST
    for radius, points in ((edge, visited), (DISMISSED * edge, dismissed)):
        for point in points:
            free &= apart(grid, point, radius, axis)
            yield None
    if not free.any():
        return
    rank = np.where(free, score * damped(grid, visited, 2 * edge, axis), -1)
    best = np.unravel_index(int(np.argmax(rank)), rank.shape)
    box = grid.box(best)
    yield _spot(information, known, box, float(score[best]), axis)


def _cells(
    information: Any, known: np.ndarray, grid: Grid
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Sum of the information, and known voxels, of each cell."""
    sums = np.zeros(grid.cells, np.float32)
    counts = np.zeros(grid.cells, np.int32)
    deep = grid.cell[0]
    step = max(1, SLAB_VOXELS // int(deep * np.prod(known.shape[1:])))
    for first in range(0, grid.cells[0], step):
        rows = slice(first, first + step)
        slab = slice(first * deep, (first + step) * deep)
        inside = known[slab]
        values = np.asarray(information[slab], np.float32)
        # Also turns NaN into 0.
        sums[rows] = grid.sum_cells(np.where(inside & (values > 0), values, 0))
        counts[rows] = grid.sum_cells(inside.astype(np.int32))
        yield
    return sums, counts


def _row(
    grid: Grid,
    row: int,
    sums: np.ndarray,
    counts: np.ndarray,
    taken: np.ndarray,
    least: float,
) -> np.ndarray:
    """Score of the blocks at one place along the first axis; 0 where none may be."""
    first = grid.starts[0][row]
    rows = slice(first, first + grid.width[0])
    number = _windows(grid, counts[rows])
    means = np.where(counts[rows] > 0, sums[rows] / np.maximum(counts[rows], 1), -1)
    # Largest first, and what is not known at the end.
    ordered = -np.sort(-_windows(grid, means), axis=-1)
    top = np.ceil(TOP * (number > 0).sum(-1, keepdims=True)).astype(int)
    total = np.take_along_axis(ordered.cumsum(-1), np.maximum(top - 1, 0), -1)
    score = (total / np.maximum(top, 1))[..., 0]
    allowed = (number.sum(-1) >= least) & ~_windows(grid, taken[rows]).any(-1)
    return np.asarray(np.where(allowed, score, 0))


def _windows(grid: Grid, cells: np.ndarray) -> np.ndarray:
    """Cells of each block of a row of blocks, ``(blocks along the rest, cells)``."""
    views = sliding_window_view(cells, grid.width)[0]
    if grid.starts[1:]:
        views = views[np.ix_(*grid.starts[1:])]
    return views.reshape(*grid.blocks[1:], -1)


def _spot(
    information: Any, known: np.ndarray, box: Region, score: float, axis: int | None
) -> Query:
    if axis is not None:
        start = box[axis].start + _slice(information, known, box, score, axis)
        box = (*box[:axis], slice(start, start + 1), *box[axis + 1 :])
    center = tuple((part.start + part.stop) // 2 for part in box)
    return Query(center, box, score)


def _slice(
    information: Any, known: np.ndarray, box: Region, score: float, axis: int
) -> int:
    """The slice of a box with most voxels that are disputed; in doubt the middle."""
    disputed = known[box] & (np.asarray(information[box]) >= score / 2)
    others = tuple(i for i in range(disputed.ndim) if i != axis)
    area = disputed.sum(axis=others)
    best = np.flatnonzero(area == area.max())
    middle = (len(area) - 1) / 2
    return int(best[np.argmin(np.abs(best - middle))])


def _check(
    information: Any,
    known: np.ndarray,
    visited: Sequence[Sequence[int]],
    dismissed: Sequence[Sequence[int]],
    axis: int | None,
) -> None:
    if tuple(information.shape) != known.shape:
        raise InputError(
            f"The information has shape {tuple(information.shape)}, but what is known "
            f"has {known.shape}; take both from the same prediction."
        )
    if axis is not None and not 0 <= axis < known.ndim:
        raise InputError(f"There is no axis {axis} in an image of {known.ndim} axes.")
    for point in (*visited, *dismissed):
        if len(point) != known.ndim:
            raise InputError(f"The spot {tuple(point)} does not lie in the image.")
