"""The layers that we add to a viewer."""

import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Shapes, Surface
from qtpy.QtCore import QTimer

from napari_sciml.images.lazy import LazyArray
from napari_sciml.plugin.layers.axes import LayerAxes, napari_array
from napari_sciml.plugin.layers.images import layer_transform
from napari_sciml.plugin.layers.pyramid import pyramid_of, save_finest

T = TypeVar("T", bound=Layer)
NOT_IN_FILE_NAMES = str.maketrans(dict.fromkeys('<>:"/\\|?*', "-"))
"""Windows takes none of these; napari saves each layer under its name."""
REFRESH_MS = 150
EDGE_WIDTH = 0.4
"""Of outlines, in voxels."""
CHEAP = {"thumbnail": False, "highlight": False, "extent": False}


class LayerGroup:
    """Our layers on one image: made once, found again, lost without harm.

    A layer that the user deletes stays away until it is asked for by `show`;
    updating it before that does nothing.

    Parameters
    ----------
    viewer
        Gives the viewer, or None when it is gone.

    Attributes
    ----------
    shapes_lost
        Whether a Shapes layer was removed: napari 0.9 with software rendering
        crashes in drawing when another one is added after that. So only what needs
        many outlines is a Shapes layer, and only as long as none was lost.
    """

    def __init__(self, viewer: Callable[[], Any]) -> None:
        self._viewer = viewer
        self.shapes_lost = False
        self._layers: dict[str, weakref.ref[Layer]] = {}
        self._left: weakref.WeakKeyDictionary[Image, dict[str, weakref.ref[Layer]]] = (
            weakref.WeakKeyDictionary()
        )
        self._made: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._stale: set[str] = set()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh_stale)

    def get(self, name: str) -> Layer | None:
        """Our layer of this name, unless the user has deleted it."""
        layer = self._layers.get(name, lambda: None)()
        viewer = self._viewer()
        return layer if viewer is not None and layer in viewer.layers else None

    def of(self, kind: type[T], begins: str | tuple[str, ...]) -> list[T]:
        """Our layers of a kind whose names, as we gave them, begin so."""
        found = [self.get(name) for name in self._layers if name.startswith(begins)]
        return [layer for layer in found if isinstance(layer, kind)]

    def name_of(self, layer: Layer) -> str:
        """What we call a layer of ours, whatever the user calls it; "" for another."""
        return next(
            (name for name, held in self._layers.items() if held() is layer), ""
        )

    def owns(self, layer: Layer) -> bool:
        """Whether we made this layer, for this image or for another one."""
        return layer in self._made

    def show_image(
        self, name: str, data: np.ndarray | LazyArray, on: Image, **options: Any
    ) -> Image:
        """Show an array on an image, in the layer that we have or in a new one."""
        return self._show(Image, name, data, on, options)

    def show_labels(
        self, name: str, data: np.ndarray, on: Image, **options: Any
    ) -> Labels:
        """Show labels on an image, in the layer that we have or in a new one."""
        return self._show(Labels, name, data, on, options)

    def show_shapes(
        self,
        name: str,
        outlines: list[np.ndarray],
        on: Image,
        color: Any,
        **options: Any,
    ) -> Shapes:
        """Show polygons on an image, in the layer that we have or in a new one."""
        layer = self.get(name)
        if layer is None:
            layer = Shapes(
                outlines,
                name=legal(name),
                shape_type="polygon",
                edge_color=color,
                face_color="transparent",
                **{"edge_width": EDGE_WIDTH, **layer_transform(on), **options},
            )
            self._insert(layer)
            self.adopt(name, layer)
        else:
            layer.data = outlines
        return layer

    def show_surface(
        self,
        name: str,
        mesh: tuple[np.ndarray, np.ndarray],
        colors: np.ndarray,
        on: Layer,
    ) -> Surface:
        """Show triangles on a layer, in the layer that we have or in a new one.

        Parameters
        ----------
        name
            What we call it.
        mesh
            Vertices ``(n, ndim)`` in voxels of the layer, and faces ``(m, 3)``.
        colors
            ``(n, 4)`` of the vertices.
        on
            The layer.
        """
        layer = self.get(name)
        if layer is None:
            options = {
                "vertex_colors": colors,
                "shading": "smooth",
                **layer_transform(on),
            }
            layer = Surface(mesh, name=legal(name), **options)
            self._insert(layer)
            self.adopt(name, layer)
        else:
            layer.vertex_colors = None
            layer.data = mesh
            layer.vertex_colors = colors
        layer.visible = True
        return layer

    def show_points(
        self, name: str, points: np.ndarray, on: Image, **options: Any
    ) -> Points:
        """Show points ``(n, axes)`` on an image, in a new layer."""
        layer = Points(points, name=legal(name), **{**layer_transform(on), **options})
        self._insert(layer)
        self.adopt(name, layer)
        return layer

    def adopt(self, name: str, layer: Layer) -> None:
        """Take a layer that exists for ours."""
        self._layers[name] = weakref.ref(layer)
        self._made.add(layer)

    def show_levels(self, layer: Image, levels: Sequence[LazyArray]) -> Image:
        """Give a layer of ours other data, finest level first; it looks the same."""
        axes = LayerAxes.of(layer)
        return self._put(layer, [axes.lift(level) for level in levels])

    def put(self, name: str, data: np.ndarray | LazyArray) -> None:
        """Show another array of the same shape in an image layer, if it is there."""
        layer = self.get(name)
        if isinstance(layer, Image):
            axes = LayerAxes.of(layer)
            self._put(layer, [axes.lift(level) for level in pyramid_of(data)])

    def touch(self, name: str) -> None:
        """Show soon what was written into the array of a layer."""
        self._stale.add(name)
        if not self._timer.isActive():
            self._timer.start()

    def leave(self, image: Image | None) -> None:
        """Leave the layers on an image to the user, until it is worked on again."""
        if image is not None:
            self._left[image] = {**self._left.get(image, {}), **self._layers}
        self._layers = {}

    def of_others(self) -> list[Layer]:
        """Our layers in the viewer that are on other images."""
        mine = [held() for held in self._layers.values()]
        layers = [layer for layer in self._viewer().layers if layer in self._made]
        return [layer for layer in layers if layer not in mine]

    def close(self) -> None:
        """No refresh comes after this."""
        self._timer.stop()

    def _show(
        self,
        kind: type[Layer],
        name: str,
        data: np.ndarray | LazyArray,
        on: Image,
        options: Any,
    ) -> Any:
        layer, axes = self.get(name) or self._left_on(on, name), LayerAxes.of(on)
        # Labels have to be one array, or nobody can paint on them.
        levels = pyramid_of(data) if kind is Image else [data]
        levels = [axes.lift(level) for level in levels]
        if layer is not None and tuple(napari_array(layer).shape) == tuple(
            levels[0].shape
        ):
            layer = self._put(layer, levels)
            layer.refresh(**CHEAP)
            return layer
        several = len(levels) > 1
        if kind is Image:
            options = {"multiscale": several, **options}
        layer = kind(
            levels if several else levels[0],
            name=legal(name),
            **{**layer_transform(on), **options},
        )
        if several:
            save_finest(layer)
        self._insert(layer)
        self.adopt(name, layer)
        return layer

    def _left_on(self, image: Image, name: str) -> Layer | None:
        """What was shown when this image was worked on before, seen again."""
        held = self._left.get(image, {}).get(name)
        if held is None:
            return None
        self._layers[name] = held
        layer = self.get(name)
        if layer is not None:
            layer.visible = True
        return layer

    def _put(self, layer: Any, levels: list[Any]) -> Any:
        """Give a layer other data; gives the layer that has them now."""
        several = len(levels) > 1
        data = levels if several else levels[0]
        if getattr(layer, "multiscale", False) != several:
            return self._replace(layer, data, multiscale=several)
        if napari_array(layer) is not levels[0]:
            layer.data = data
        return layer

    def _replace(self, layer: Image, data: Any, *, multiscale: bool) -> Image:
        """A layer cannot change between one array and a pyramid: make another one."""
        layers = self._viewer().layers
        _, look, _ = Image.as_layer_data_tuple(layer)
        other = Image(data, **{**look, "multiscale": multiscale})
        if multiscale:
            save_finest(other)
        self._insert(other, layers.index(layer) + 1)
        if layer in layers.selection:
            layers.selection.add(other)
        if layer is layers.selection.active:
            layers.selection.active = other
        layers.remove(layer)
        other.name = look["name"]
        for known, held in list(self._layers.items()):
            if held() is layer:  # the user may call it something else by now
                self.adopt(known, other)
        return other

    def _insert(self, layer: Layer, place: int | None = None) -> None:
        """Below the annotation, and without taking the brush out of the hand."""
        viewer = self._viewer()
        selection = viewer.layers.selection
        active, chosen = selection.active, set(selection)
        annotation = self.get("Annotation")
        layers = viewer.layers
        top = layers.index(annotation) if annotation is not None else len(layers)
        # In space, napari 0.9 asks labels that become active what is below a mouse that
        # has not moved yet, and fails.
        in_space = viewer.dims.ndisplay == 3
        with selection.events.blocker_all() if in_space else nullcontext():
            layers.insert(top if place is None else place, layer)
            selection.clear()
            selection.update(chosen)
            selection.active = active

    def _refresh_stale(self) -> None:
        for name in self._stale:
            layer = self.get(name)
            if layer is not None:
                layer.refresh(**CHEAP)
        self._stale.clear()


def legal(name: str) -> str:
    """A name of a layer that can be the name of a file: classes are named freely."""
    return name.translate(NOT_IN_FILE_NAMES)
