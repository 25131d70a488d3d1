"""Find the strokes in an annotation."""

from dataclasses import dataclass

import numpy as np

from napari_sciml.images.components import connected_components


@dataclass(frozen=True)
class Stroke:
    """A connected group of voxels with one label.

    Attributes
    ----------
    label
        The class that was painted.
    voxels
        ``(n, ndim)`` coordinates, in C order.
    """

    label: int
    voxels: np.ndarray

    def __len__(self) -> int:
        return len(self.voxels)


def find_strokes(labels: np.ndarray) -> list[Stroke]:
    """Split an annotation into strokes: connected voxels of one class.

    Parameters
    ----------
    labels
        Annotation, ``(y, x)`` or ``(z, y, x)``; 0 = not annotated.

    Returns
    -------
    list of Stroke
        In the order of their first voxels.
    """
    connectivity = 26 if labels.ndim == 3 else 8
    parts = connected_components(labels, connectivity)
    coordinates = np.argwhere(parts)
    numbers = parts[tuple(coordinates.T)]
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    groups = np.split(order, cuts) if len(order) else []
    # The numbering of the parts depends on the memory layout of the labels.
    groups = [coordinates[group] for group in sorted(groups, key=lambda g: g[0])]
    return [Stroke(int(labels[tuple(voxels[0])]), voxels) for voxels in groups]
