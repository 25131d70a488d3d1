"""Arrays that claim nothing under a mask of what cannot be trusted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.plugin.layers.axes import LayerAxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sciml.focus.rating.cells import CellGrid


@dataclass(frozen=True)
class CellMask:
    """A mask in cells that lie on an image.

    Attributes
    ----------
    mask
        ``(…, rows, columns)``, over 0 where nothing is to be trusted. The array of a
        layer: what is painted there counts at once.
    grid
        Where the cells lie.
    """

    mask: np.ndarray
    grid: "CellGrid"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image."""
        return (*self.mask.shape[:-2], *self.grid.shape)

    def hides(self, key: Key, shape: "Sequence[int]") -> np.ndarray | None:
        """Which voxels of a part of an array are covered.

        Parameters
        ----------
        key
            The part: an integer or slice for each axis.
        shape
            Of the array: the image, or a coarser level of it.

        Returns
        -------
        ndarray or None
            bool, of the shape of the part; None where the array is not on the image.
        """
        if not _is_level(shape, self.shape):
            return None
        at = [
            # Twice the center of a voxel, to stay with whole numbers.
            (2 * np.atleast_1d(np.arange(n)[part]) + 1) * full // (2 * n)
            for part, n, full in zip(key, shape, self.shape, strict=True)
        ]
        places = np.ix_(*at[:-2], *self.grid.cell_at(*at[-2:]))
        sizes = [len(a) for a, part in zip(at, key, strict=True) if _is_slice(part)]
        return np.asarray(self.mask[places] > 0).reshape(sizes)

    def hides_at(self, indices: np.ndarray) -> np.ndarray:
        """Which voxels ``(n,)`` of the image, flat in C order, are covered."""
        *lead, y, x = np.unravel_index(indices, self.shape)
        return np.asarray(self.mask[(*lead, *self.grid.cell_at(y, x))] > 0)


class Blanked(LazyArray):
    """An array with blanks under a mask; the array itself stays as it is.

    So what is covered comes back at once when the mask is taken away or erased.

    Parameters
    ----------
    source
        Array-like.
    cover
        The mask.
    blank
        Instead of what is covered; by default NaN, or False and 0.

    Attributes
    ----------
    source
        The array-like.
    cover
        The mask.
    """

    def __init__(
        self, source: Any, cover: CellMask, blank: float | None = None
    ) -> None:
        super().__init__(source.shape, source.dtype)
        self.source, self.cover = source, cover
        default = np.nan if self.dtype.kind == "f" else 0
        self._blank = self.dtype.type(default if blank is None else blank)

    def _read(self, key: Key) -> Any:
        values, hidden = self.source[key], self.cover.hides(key, self.shape)
        return values if hidden is None else np.where(hidden, self._blank, values)


def blanked(source: Any, cover: CellMask | None) -> Any:
    """The same array with blanks under a mask; without a mask the array itself."""
    source = source.source if isinstance(source, Blanked) else source
    return source if cover is None else Blanked(source, cover)


def blank_layer(layer: Image, cover: CellMask | None) -> None:
    """Show an image layer with blanks under a mask, or without."""
    axes = LayerAxes.of(layer)
    levels = layer.data if layer.multiscale else [layer.data]
    data = [axes.lift(blanked(axes.take(level), cover)) for level in levels]
    layer.data = data if layer.multiscale else data[0]


def _is_level(shape: "Sequence[int]", full: "Sequence[int]") -> bool:
    """Whether a shape is that of an image whose every n-th voxel was kept."""
    return len(shape) == len(full) and all(
        n == -(-m // max(1, round(m / max(n, 1))))
        for n, m in zip(shape, full, strict=True)
    )


def _is_slice(part: object) -> bool:
    return isinstance(part, slice)
