"""Walk from annotated slice to annotated slice, and fill what lies between."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.annotation.interpolation import fill_between
from napari_sciml.annotation.slices import annotated_slices, ends_around, neighbors
from napari_sciml.errors import InputError
from napari_sciml.plugin.layers.axes import LayerAxes, image_array
from napari_sciml.plugin.layers.images import space_of

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace


@dataclass(frozen=True)
class ShownSlice:
    """Where the viewer's slider stands in the annotation.

    Attributes
    ----------
    axis
        Of the slider, as an axis of the annotation.
    slider
        The same axis of the viewer.
    position
        In voxels along it.
    at
        Positions of the other sliders, such as time.
    inside
        The point that is shown, in voxels.
    """

    axis: int
    slider: int
    position: int
    at: dict[int, int]
    inside: np.ndarray


def shown_slice(layer: Any, dims: Any) -> ShownSlice:
    """Find the slice of a layer that the viewer shows.

    Of several sliders it is the one that was moved last, as napari says.

    Parameters
    ----------
    layer
        The annotation.
    dims
        ``viewer.dims``.

    Raises
    ------
    InputError
        When there is no slider.
    """
    axes = space_of(layer)
    shape = [layer.data.shape[axis] for axis in axes]
    extra = dims.ndim - layer.ndim
    # The axis of the annotation for each one of the viewer.
    axis_of = {axis + extra: place for place, axis in enumerate(axes)}
    hidden = [axis for axis in dims.order[: -dims.ndisplay] if axis in axis_of]
    if not hidden:
        raise InputError(
            "There are no slices to go through: the viewer shows everything at once."
        )
    slider = dims.last_used if dims.last_used in hidden else hidden[-1]
    inside = np.asarray(layer.world_to_data(dims.point))[-layer.ndim :][axes]
    point = np.clip(np.rint(inside), 0, np.subtract(shape, 1)).astype(int)
    others = {axis_of[a]: int(point[axis_of[a]]) for a in hidden if a != slider}
    axis = axis_of[slider]
    return ShownSlice(axis, slider, int(point[axis]), others, inside)


class AnnotatedSlices:
    """Goes to annotated slices and fills between them.

    Parameters
    ----------
    workspace
        Has the viewer and the annotation.
    """

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace

    def go_to_previous(self) -> None:
        """Show the nearest annotated slice below.

        Raises
        ------
        InputError
            When there is none.
        """
        self._go(0)

    def go_to_next(self) -> None:
        """Show the nearest annotated slice above; errors as of `go_to_previous`."""
        self._go(1)

    def fill(self) -> str:
        """Fill the chosen class between the annotated slices round the shown one.

        Returns
        -------
        str
            What was done, for the user.

        Raises
        ------
        InputError
            When there is nothing to fill.
        """
        annotation, layer = self._workspace.annotation, self._layer()
        shown = shown_slice(layer, self._workspace.viewer.dims)
        label = int(layer.selected_label)
        if not 1 <= label <= len(annotation.classes):
            raise InputError("Choose the class to fill with first.")
        name = annotation.class_names[label - 1]
        annotation.read_now()
        slices = annotated_slices(
            annotation.store, shown.axis, label=label, at=shown.at
        )
        ends = ends_around(slices, shown.position)
        if ends is None:
            raise InputError(
                f"Paint '{name}' in two slices first, and show one between them."
            )
        found = fill_between(
            np.asarray(image_array(layer)),
            label,
            axis=shown.axis,
            slices=ends,
            at=shown.at,
        )
        annotation.write(found, np.full(len(found), label, np.uint8))
        return (
            f"Filled '{name}' between slices {ends[0]} and {ends[1]}: "
            f"{len(found):,} voxels. Ctrl-Z takes it back."
        )

    def _go(self, side: int) -> None:
        layer, dims = self._layer(), self._workspace.viewer.dims
        shown = shown_slice(layer, dims)
        store = self._workspace.annotation.store
        slices = annotated_slices(store, shown.axis, at=shown.at)
        target = neighbors(slices, shown.position)[side]
        if target is None:
            where = ("below", "above")[side]
            raise InputError(f"There is no annotated slice {where} this one.")
        point = shown.inside.copy()
        point[shown.axis] = target
        axes = LayerAxes.of(layer)
        world = layer.data_to_world(axes.point(point))
        dims.set_point(shown.slider, world[axes.space[shown.axis]])

    def _layer(self) -> Any:
        layer = self._workspace.annotation.layer
        if layer is None:
            raise InputError('Press "Start annotating" first.')
        return layer
