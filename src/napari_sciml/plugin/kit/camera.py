"""Where the viewer looks."""

from typing import Any

import numpy as np


def camera_of(viewer: Any) -> Any:
    """The camera; napari 0.9 moved it and warns at the old place."""
    return getattr(viewer, "scene", viewer).camera


def go_to(viewer: Any, world: np.ndarray) -> None:
    """Show a point of the world, its last axes being those of the viewer."""
    offset = viewer.dims.ndim - len(world)
    viewer.dims.set_point([offset + i for i in range(len(world))], list(world))
    shown = [axis - offset for axis in viewer.dims.displayed]
    center = [float(world[axis]) for axis in shown]
    camera_of(viewer).center = (0.0, *center)[-3:]
