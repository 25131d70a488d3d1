"""Objects of an image, such as fibers, as points: described by their measures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import LEAST_PATCHES
from napari_sciml.exploring.patches import middle_slice, shrunk
from napari_sciml.images.channels import channels_of
from napari_sciml.images.volume import SPATIAL_AXES

LEFT_OUT = ("label", "index", "centroid_z", "centroid_y", "centroid_x")
"""Numbers of an object that say nothing of its looks."""


class Objects:
    """Objects of an image with their measures, one a row.

    Parameters
    ----------
    image
        Array-like ``(y, x)`` or ``(z, y, x)``.
    table
        Columns by name, as `napari_sciml.fibers.geometry.measure.measure_fibers` gives
        them.
    spacing
        Edges of a voxel along each axis, in the unit of the table.
    edge
        Of the part of the image that shows an object, in voxels.

    Attributes
    ----------
    size
        Shape of that part.

    Raises
    ------
    InputError
        When there are fewer than 20, or no measures.
    """

    def __init__(
        self,
        image: Any,
        table: Mapping[str, Any],
        spacing: Sequence[float],
        *,
        edge: int = 32,
    ) -> None:
        axes = SPATIAL_AXES[len(image.shape)]
        centers = [np.asarray(table[f"centroid_{axis}"], float) for axis in axes]
        places = np.stack(centers, axis=1) / np.asarray(spacing, float)
        if len(places) < LEAST_PATCHES:
            raise InputError(
                f"These are {len(places)} fibers only, and fewer than "
                f"{LEAST_PATCHES} make no map: look at their table."
            )
        self._put(image, places, (1,) * (len(axes) - 2) + (edge, edge))
        self.numbers = _numbers(table)

    @classmethod
    def at(cls, image: Any, places: np.ndarray, size: tuple[int, ...]) -> "Objects":
        """Give objects of which only the places ``(n, axes)`` are known any more."""
        made = cls.__new__(cls)
        made._put(image, places, size)
        made.numbers = np.zeros((len(places), 0))
        return made

    def _put(self, image: Any, places: np.ndarray, size: tuple[int, ...]) -> None:
        self.image, self._places, self.size = image, places, size
        self.channels = channels_of(image)

    def __len__(self) -> int:
        return len(self._places)

    def places(self) -> np.ndarray:
        """Centers ``(n, axes)`` in voxels."""
        return self._places

    def thumbnail(self, index: int) -> np.ndarray:
        """Give the image round an object, in the slice of its center."""
        parts = []
        for at, edge, n in zip(
            self._places[index], self.size, self.image.shape, strict=True
        ):
            start = int(np.clip(round(at - (edge - 1) / 2), 0, max(0, n - edge)))
            parts.append(slice(start, start + edge))
        values = np.asarray(self.image[tuple(parts)])
        channels = np.moveaxis(values, -1, 0) if self.channels > 1 else values[None]
        return shrunk(middle_slice(channels))


def _numbers(table: Mapping[str, Any]) -> np.ndarray:
    """Measures ``(n, d)``; what is not known of an object is as of most others."""
    columns = []
    for name in table:
        values = np.asarray(table[name])
        if name in LEFT_OUT or values.dtype.kind not in "buif":
            continue
        column = values.astype(np.float64)
        known = np.isfinite(column)
        if known.any():
            columns.append(np.where(known, column, np.median(column[known])))
    if not columns:
        raise InputError("The fibers have no measures yet: measure them first.")
    return np.stack(columns, axis=1)
