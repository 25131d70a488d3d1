"""What a fiber is, once it was found: how far it reaches, and whether it is one."""

import numpy as np

from napari_sciml.executor import Executor, here
from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices
from napari_sciml.fibers.blockwise.compact import drop_compact
from napari_sciml.fibers.blockwise.extending import extend_blocks
from napari_sciml.fibers.geometry.voxels import Grid
from napari_sciml.progress import Steps, subrange


def shape_fibers(
    labels: BlockVolume,
    sizes: Indices,
    out: BlockVolume,
    *,
    likely: BlockVolume | None,
    slenderness: float,
    grid: Grid,
    run: Executor = here,
) -> Steps[Indices]:
    """Extend fibers to their likely rim, and drop what is hardly longer than wide.

    Parameters
    ----------
    labels
        1 to n, 0 = none.
    sizes
        ``(n + 1,)`` voxels of each.
    out
        Where the result goes: `labels` itself where nothing is to be extended, and
        another volume where something is.
    likely
        Probability of the fibers to extend by; None = they end where they do.
    slenderness
        As in `drop_compact`; 0 = drop nothing. In an image nothing is dropped.
    grid
        Of the labels.
    run
        Where blocks are extended.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(m + 1,)`` voxels of each label that is left; 0 for number 0.
    """
    if likely is not None:
        count, spacing = len(sizes) - 1, grid.spacing
        extending = extend_blocks(labels, likely, out, count, spacing, run)
        sizes = yield from subrange(0.0, 0.5, extending)
    if slenderness and not grid.flat:
        dropping = drop_compact(out, len(sizes) - 1, slenderness, grid)
        sizes = yield from subrange(0.5, 1.0, dropping)
    return np.asarray(sizes)
