"""Voxels sorted by fiber, so that no fiber needs a pass over the whole volume."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError

_BLOCK = 1 << 18
_MOST_FIBERS = 1 << 17


def sliceable(values: Any) -> Any:
    """Give an array-like as it is, such as a zarr, and a list as an array."""
    return values if hasattr(values, "ndim") else np.asarray(values)


@dataclass(frozen=True)
class Grid:
    """Shape and voxel size in 3D; an image is a volume of one plane.

    Attributes
    ----------
    shape
        Voxels along z, y, x.
    spacing
        Edges of a voxel along z, y, x (physical).
    flat
        Whether it is an image: then z counts for nothing.
    """

    shape: tuple[int, int, int]
    spacing: NDArray[np.float64]
    flat: bool

    @property
    def in_plane_spacing(self) -> NDArray[np.float64]:
        """Edges of a voxel, with no extent along z in 2D."""
        return self.spacing * ([0, 1, 1] if self.flat else [1, 1, 1])

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel; in 2D the area of a pixel."""
        return float(np.prod(self.spacing))


def check_probability(probability: Any, shape: Sequence[int]) -> None:
    """Make sure that a probability, where there is one, fits its image.

    Raises
    ------
    InputError
        If it does not.
    """
    if probability is None or np.shape(probability) == tuple(shape):
        return
    raise InputError(
        f"The probability has shape {np.shape(probability)}, but the fibers have "
        f"{tuple(shape)}; give the probability of one class for the same image."
    )


def make_grid(shape: Sequence[int], voxel_size: Sequence[float] | None) -> Grid:
    """Check shape and voxel size (one edge an axis; None = 1) and make them 3D.

    Raises
    ------
    InputError
        If the shape is neither 2D nor 3D or the voxel size does not fit it.
    """
    if len(shape) not in (2, 3):
        raise InputError(f"Labels have {len(shape)} axes; give (y, x) or (z, y, x).")
    edges = [1.0] * len(shape) if voxel_size is None else [float(v) for v in voxel_size]
    if len(edges) != len(shape):
        raise InputError(
            f"The voxel size has {len(edges)} numbers, but the labels have "
            f"{len(shape)} axes; give one number an axis."
        )
    if not all(np.isfinite(edge) and edge > 0 for edge in edges):
        raise InputError(f"The voxel size {tuple(edges)} must be positive numbers.")
    missing = 3 - len(shape)
    z, y, x = (1,) * missing + tuple(int(n) for n in shape)
    return Grid((z, y, x), np.array([1.0] * missing + edges), flat=missing == 1)


@dataclass(frozen=True)
class SortedVoxels:
    """Voxels of all fibers, those of a fiber side by side in raster order.

    Attributes
    ----------
    labels
        The label of each fiber, ascending.
    position
        Flat index of each voxel in the volume.
    start
        First voxel of each fiber in `position`, and the number of voxels at the end.
    """

    labels: NDArray[np.int64]
    position: NDArray[np.int64]
    start: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Voxels of each fiber."""
        return np.diff(self.start)

    def part(self, block: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the voxels of some fibers, and where each fiber starts."""
        first, last = self.start[block.start], self.start[block.stop]
        return self.position[first:last], self.start[block] - first

    def blocks(self) -> Iterator[slice]:
        """Ranges of fibers of not too many voxels, for the memory and the time."""
        first, last = 0, len(self.labels)
        while first < last:
            goal = self.start[first] + _BLOCK
            stop = int(np.searchsorted(self.start, goal, side="right")) - 1
            stop = min(max(stop, first + 1), first + _MOST_FIBERS, last)
            yield slice(first, stop)
            first = stop


def sort_voxels(labels: ArrayLike) -> SortedVoxels:
    """Gather the voxels of every label but 0.

    Raises
    ------
    InputError
        If the labels are no whole numbers, or negative.
    """
    values = np.asarray(labels)
    if values.dtype.kind not in "uib":
        raise InputError(f"Labels must be whole numbers, not {values.dtype}.")
    flat = values.reshape(-1)
    position = np.flatnonzero(flat)
    found = flat[position]
    if found.dtype.kind == "i" and found.min(initial=0) < 0:
        raise InputError("Labels must not be negative; 0 means no fiber.")
    order = np.argsort(found, kind="stable")
    found = found[order]
    first = np.ones(found.size, bool)
    first[1:] = found[1:] != found[:-1]
    start = np.append(np.flatnonzero(first), found.size)
    names = found[start[:-1]].astype(np.int64)
    return SortedVoxels(names, position[order], start)
