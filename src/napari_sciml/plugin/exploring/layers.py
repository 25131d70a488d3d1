"""The layers that show what is selected in the map, and what is odd."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils.colormaps import Colormap

from napari_sciml.errors import InputError
from napari_sciml.exploring.front import step
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.patches import PatchGrid
from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.layers.axes import LayerAxes, image_array
from napari_sciml.plugin.layers.images import layer_transform, pixels, voxel_size
from napari_sciml.plugin.layers.places import place_of_part

if TYPE_CHECKING:
    from napari_sciml.plugin.layers.layers import LayerGroup

EXPLORED, ODDNESS = "Explored", "Oddness"
MOST_OUTLINES = 2_000
"""Squares in the layer; more take napari long and cover each other."""
OUTLINE = "#ffd400"
HEAT = Colormap(["#00000000", "#ff8c1a", "#ff2e2e"], name="oddness")
USUAL, ODD = 50, 99.5
"""Percentiles of the oddness from which on it is seen, and is full."""


def show_selected(
    layers: "LayerGroup",
    viewer: Any,
    on: Image,
    places: np.ndarray,
    size: tuple[int, ...],
) -> None:
    """Show patches as squares on an image, in the layer that we have or a new one.

    Parameters
    ----------
    layers, viewer
        Ours, and the viewer.
    on
        The image.
    places, size
        Centers ``(n, axes)`` in voxels of the image, and the shape of a patch.
    """
    axes = LayerAxes.of(on)
    shown = places[:: max(1, -(-len(places) // MOST_OUTLINES))]
    points = np.zeros((len(shown), axes.ndim))
    if len(shown):
        points[:, list(axes.space)] = shown
    points = points[:, list(axes.own)]
    layer = layers.get(EXPLORED)
    if isinstance(layer, Points):
        layer.data = points
        layer.size = float(max(size))
        layer.selected_data = set()
        return
    if not len(points):
        return
    active = viewer.layers.selection.active
    chosen = set(viewer.layers.selection)
    layer = Points(
        points,
        name=EXPLORED,
        symbol="square",
        size=float(max(size)),
        face_color="transparent",
        border_color=OUTLINE,
        border_width=0.03,
        **layer_transform(on),
    )
    viewer.layers.append(layer)
    viewer.layers.selection.clear()
    viewer.layers.selection.update(chosen)
    viewer.layers.selection.active = active
    layers.adopt(EXPLORED, layer)


def show_oddness(
    layers: "LayerGroup", viewer: Any, grid: PatchGrid, oddness: np.ndarray, on: Image
) -> Image:
    """Show how odd each patch is as heat over the image."""
    old = layers.get(ODDNESS)
    if old is not None:
        viewer.layers.remove(old)
    steps = [
        step(starts) if len(starts) > 1 else edge
        for starts, edge in zip(grid.starts, grid.size, strict=True)
    ]
    first = [
        float(starts[0]) + (edge - one) / 2
        for starts, edge, one in zip(grid.starts, grid.size, steps, strict=True)
    ]
    low, high = np.percentile(oddness, [USUAL, ODD])
    heat = oddness.reshape(grid.shape).astype(np.float32)
    place = place_of_part(on, np.array(first), np.array(steps))
    return layers.show_image(
        ODDNESS,
        heat,
        on,
        colormap=HEAT,
        contrast_limits=(float(low), max(float(high), float(low) + 1e-6)),
        interpolation2d="linear",
        blending="translucent",
        opacity=0.6,
        **place,
    )


def fibers_in(viewer: Any, on: Image, edge: int) -> Objects:
    """Give the fibers that were measured in an image, as the layer has them.

    Parameters
    ----------
    viewer
        Has a Labels layer whose features are the measures of fibers.
    on
        The image.
    edge
        Of what is shown of a fiber, in voxels.

    Raises
    ------
    InputError
        When there is none, or too few fibers.
    """
    image = pixels(on)
    for layer in reversed(viewer.layers):
        if not isinstance(layer, Labels) or "centroid_x" not in layer.features:
            continue
        if tuple(image_array(layer).shape) == tuple(image.shape):
            table = {name: layer.features[name] for name in layer.features}
            return Objects(image, table, voxel_size(layer)[0], edge=edge)
    raise InputError(
        "No fibers are measured in this image: measure them in the Fibers dock first."
    )


def go_to_patch(viewer: Any, on: Image, place: np.ndarray) -> None:
    """Show the middle of a patch."""
    axes = LayerAxes.of(on)
    world = np.asarray(on.data_to_world(axes.point(place)))
    go_to(viewer, world[list(axes.own)])


def place_in_image(on: Image, world: Any) -> np.ndarray:
    """Voxel of the image ``(axes,)`` at a point of the world."""
    axes = LayerAxes.of(on)
    inside = np.asarray(on.world_to_data(np.asarray(world)[-on.ndim :]))
    return inside[list(axes.space)]
