"""Slices of a volume that a person would open to annotate fibers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z_IN_A_ROW = 3
"""So many z slices, then one y and one x slice, and so on."""


@dataclass(frozen=True)
class View:
    """A slice of a volume, or the whole of a 2D image.

    Attributes
    ----------
    axis
        Axis that the slice is perpendicular to; None for a 2D image.
    position
        Index along it.
    shape
        Shape of the slice.
    """

    axis: int | None
    position: int
    shape: tuple[int, int]

    def slice_of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The 2D slice of an array, as a view of it."""
        if self.axis is None:
            return array
        return np.moveaxis(array, self.axis, 0)[self.position]

    def volume_index(self, pixels: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Index of the pixels ``(n, 2)`` of the slice in the whole array."""
        columns = list(pixels.T)
        if self.axis is not None:
            columns.insert(self.axis, np.full(len(pixels), self.position))
        return tuple(columns)


def view_of(shape: tuple[int, ...], axis: int | None, position: int) -> View:
    """View of an array of this shape."""
    kept = [n for i, n in enumerate(shape) if i != axis]
    return View(axis, position, (kept[0], kept[1]))


def choose_views(
    instances: NDArray[Any], count: int, rng: np.random.Generator
) -> Iterator[View]:
    """Slices that show much fiber, well apart, mostly across z.

    Parameters
    ----------
    instances
        ``(z, y, x)``, 0 where there is no fiber.
    count
        Most views to give.
    rng
        Source of randomness.
    """
    taken: dict[int, list[int]] = {0: [], 1: [], 2: []}
    pattern = [0] * Z_IN_A_ROW + [1, 2]
    shown = [_area_shown(instances, axis) for axis in range(3)]
    for i in range(count):
        axis = pattern[i % len(pattern)]
        position = _choose_position(shown[axis], taken[axis], rng)
        if position is not None:
            taken[axis].append(position)
            yield view_of(instances.shape, axis, position)


def _area_shown(instances: NDArray[Any], axis: int) -> NDArray[np.float64]:
    """For each slice the sum of squared areas: a fiber in the plane counts most."""
    voxels = np.nonzero(instances)
    _, label = np.unique(instances[voxels], return_inverse=True)
    areas = np.zeros((instances.shape[axis], int(label.max()) + 1))
    np.add.at(areas, (voxels[axis], label), 1)
    return (areas**2).sum(axis=1)


def _choose_position(
    shown: NDArray[np.float64], taken: list[int], rng: np.random.Generator
) -> int | None:
    """A slice with the odds of what it shows; none near those taken."""
    weight = shown.copy()
    apart = max(2, len(weight) // 20)
    for position in taken:
        weight[max(0, position - apart) : position + apart + 1] = 0
    if not weight.any():
        return None
    return int(rng.choice(len(weight), p=weight / weight.sum()))
