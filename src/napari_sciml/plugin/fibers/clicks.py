"""Which fiber was clicked."""

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_sciml.plugin.layers.axes import image_array
from napari_sciml.plugin.layers.images import space_of

STEPS = 2
"""Looks a voxel along the line of sight."""


def fiber_at(
    layer: Labels, event: Any, hidden: np.ndarray
) -> tuple[int, tuple[int, ...]] | None:
    """Find the fiber under the mouse; in 3D the nearest one that is not hidden.

    Parameters
    ----------
    layer
        The labels of the fibers.
    event
        Mouse event of napari.
    hidden
        For each label, whether it is not shown; longer labels are.

    Returns
    -------
    tuple or None
        Its label and the voxel of the image; None where there is none.
    """
    labels = image_array(layer)
    for place in _line_of_sight(layer, event):
        label = int(labels[place])
        if label and not (label < len(hidden) and hidden[label]):
            return label, place
    return None


def _line_of_sight(layer: Labels, event: Any) -> list[tuple[int, ...]]:
    if len(event.dims_displayed) < 3 or layer.ndim < 3:
        places = np.asarray(layer.world_to_data(event.position))[None, -layer.ndim :]
    else:
        ends = layer.get_ray_intersections(
            event.position, event.view_direction, event.dims_displayed, world=True
        )
        if ends[0] is None or ends[1] is None:
            return []
        start, stop = (np.asarray(end, float)[-layer.ndim :] for end in ends)
        count = int(np.ceil(STEPS * np.abs(stop - start).max())) + 2
        places = np.linspace(start, stop, count)
    voxels = np.rint(places).astype(int)
    inside = ((voxels >= 0) & (voxels < layer.data.shape)).all(axis=1)
    axes = space_of(layer)
    return [tuple(map(int, voxel[axes])) for voxel in voxels[inside]]
