"""The layers that show what is selected in the map, and what is odd."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_sciml.errors import InputError
from napari_sciml.exploring.front import step
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.patches import PatchGrid
from napari_sciml.plugin.exploring.pictures import cluster_color
from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.layers.axes import LayerAxes, image_array
from napari_sciml.plugin.layers.images import layer_transform, pixels, voxel_size
from napari_sciml.plugin.layers.places import place_of_part

if TYPE_CHECKING:
    from napari_sciml.plugin.layers.layers import LayerGroup

EXPLORED, ODDNESS, CLASSES = "Explored", "Oddness", "Patch classes"
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
    remove_layer(layers, viewer, ODDNESS)
    low, high = np.percentile(oddness, [USUAL, ODD])
    heat = oddness.reshape(grid.shape).astype(np.float32)
    place = place_of_grid(on, grid)
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


def show_classes(
    layers: "LayerGroup",
    viewer: Any,
    grid: PatchGrid,
    numbers: np.ndarray,
    names: Sequence[str],
    on: Image,
) -> Labels:
    """Show the class of each patch over the image.

    Parameters
    ----------
    layers, viewer
        Ours, and the viewer.
    grid
        The patches.
    numbers, names
        Number of the class of each patch ``(n,)``, and what the classes are called.
    on
        The image.
    """
    cells = (numbers.reshape(grid.shape) + 1).astype(np.uint16)
    old = layers.get(CLASSES)
    if old is not None and tuple(old.data.shape) != tuple(
        LayerAxes.of(on).lift(cells).shape
    ):
        viewer.layers.remove(old)
    colors: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    colors |= {n + 1: cluster_color(n) for n in range(len(names))}
    colormap = DirectLabelColormap(color_dict=colors)
    layer = layers.show_labels(
        CLASSES, cells, on, colormap=colormap, opacity=0.35, **place_of_grid(on, grid)
    )
    layer.colormap = colormap
    layer.features = {"class": ["", *names]}
    layer.editable = False
    squares = layers.get(EXPLORED)
    if squares is not None:  # are seen above it
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(squares))
    return layer


def place_of_grid(on: Image, grid: PatchGrid) -> dict[str, Any]:
    """Keywords that put an array with a voxel a patch on an image."""
    steps = [
        step(starts) if len(starts) > 1 else edge
        for starts, edge in zip(grid.starts, grid.size, strict=True)
    ]
    first = [
        float(starts[0]) + (edge - one) / 2
        for starts, edge, one in zip(grid.starts, grid.size, steps, strict=True)
    ]
    return place_of_part(on, np.array(first), np.array(steps))


def remove_layer(layers: "LayerGroup", viewer: Any, name: str) -> None:
    """Remove a layer of ours where it is."""
    layer = layers.get(name)
    if layer is not None:
        viewer.layers.remove(layer)


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


def places_in(on: Image, layer: Points, numbers: list[int]) -> np.ndarray:
    """Places ``(n, axes)`` of some points of a layer, in voxels of an image."""
    return np.stack(
        [place_in_image(on, layer.data_to_world(layer.data[n])) for n in numbers]
    )


def place_in_image(on: Image, world: Any) -> np.ndarray:
    """Voxel of the image ``(axes,)`` at a point of the world."""
    axes = LayerAxes.of(on)
    inside = np.asarray(on.world_to_data(np.asarray(world)[-on.ndim :]))
    return inside[list(axes.space)]
