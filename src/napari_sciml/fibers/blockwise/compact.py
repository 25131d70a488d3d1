"""Leave out what is no fiber by its shape: bodies that are hardly longer than wide.

Bright grains are what an ensemble takes for fibers most often, and they are round. In
an image a round body may be a fiber seen end-on, so only volumes are treated like that.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices, Region
from napari_sciml.fibers.geometry.voxels import Grid
from napari_sciml.progress import Steps, subrange

_PAIRS = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]


def drop_compact(
    labels: BlockVolume, count: int, slenderness: float, grid: Grid
) -> Steps[Indices]:
    """Take bodies out that lie wholly inside and are not so many times as long as wide.

    What the border cuts stays, as the rest of it is unknown. Length and width are those
    of a straight cylinder of the same volume and the same largest second moment. The
    blocks do not change the result.

    Parameters
    ----------
    labels
        1 to ``count`` in a volume, 0 = none; renumbered in place, in the same order.
    count
        Number of labels.
    slenderness
        Least length over width.
    grid
        Of the labels.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(m + 1,)`` voxels of each label that is left; 0 for number 0.
    """
    moments = _Moments(count)
    for done, region in labels.walk():
        yield 0.6 * done
        moments.add(labels.read(region), region, labels.shape)
    keep = moments.cut | (moments.slenderness(grid) >= slenderness)
    keep &= moments.sizes > 0
    sizes = np.concatenate(([0], moments.sizes[keep]))
    if not keep[1:].all():
        yield from subrange(0.6, 1.0, _renumber(labels, keep))
    return sizes


def _renumber(labels: BlockVolume, keep: NDArray[np.bool_]) -> Steps[None]:
    table = np.where(keep, np.cumsum(keep), 0).astype(labels.source.dtype)
    for done, region in labels.walk():
        yield done
        labels.write(region, table[labels.read(region)])


class _Moments:
    """Sums over the voxels of each label, whole numbers: their order does not matter.

    Attributes
    ----------
    sizes
        ``(n + 1,)`` voxels.
    cut
        ``(n + 1,)`` whether it touches the border.
    """

    def __init__(self, count: int) -> None:
        self.sizes = np.zeros(count + 1, np.int64)
        self.cut: NDArray[np.bool_] = np.zeros(count + 1, np.bool_)
        self._first = np.zeros((3, count + 1), np.int64)
        self._second = np.zeros((len(_PAIRS), count + 1), np.int64)

    def add(self, labels: NDArray[Any], region: Region, shape: tuple[int, ...]) -> None:
        """Count in a block."""
        places = np.nonzero(labels)
        names = labels[places].astype(np.int64)
        index = [p + s.start for p, s in zip(places, region, strict=True)]
        for place, edge in zip(index, shape, strict=True):
            self.cut[names[(place == 0) | (place == edge - 1)]] = True
        self.sizes += np.bincount(names, minlength=len(self.sizes))
        for sums, values in zip(self._first, index, strict=True):
            sums += self._summed(names, values)
        for sums, (i, j) in zip(self._second, _PAIRS, strict=True):
            sums += self._summed(names, index[i] * index[j])

    def _summed(self, names: Indices, values: Indices) -> Indices:
        # Of a block, so that whole numbers stay exact in doubles.
        return np.bincount(names, values, len(self.sizes)).astype(np.int64)

    def slenderness(self, grid: Grid) -> NDArray[np.float64]:
        """Length over width of each label; of unused ones some number."""
        number = np.maximum(self.sizes, 1).astype(np.float64)
        spacing = grid.spacing
        mean = self._first / number
        inertia = np.zeros((len(number), 3, 3))
        for sums, (i, j) in zip(self._second, _PAIRS, strict=True):
            spread = (sums / number - mean[i] * mean[j]) * spacing[i] * spacing[j]
            inertia[:, i, j] = inertia[:, j, i] = spread
        inertia += np.diag(spacing**2 / 12)  # of a single voxel
        length = np.sqrt(12 * np.linalg.eigvalsh(inertia)[:, -1])
        section = number * grid.voxel_volume / length
        return np.asarray(length / np.sqrt(4 / np.pi * section))
