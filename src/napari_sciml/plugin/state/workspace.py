"""What all of us in one viewer work on: the image, what is painted, our layers."""

import weakref
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.plugin.kit.camera import camera_of
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.farewell import is_closing
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.covering import bring_into_view
from napari_sciml.plugin.layers.images import layer_transform, pixels, shown_view
from napari_sciml.plugin.layers.layers import LayerGroup, legal
from napari_sciml.plugin.state.exclusion import Exclusion
from napari_sciml.plugin.state.labels.annotation import Annotation
from napari_sciml.plugin.state.labels.annotations import ANNOTATION, Annotations, misfit
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox

CAMERA_MS = 60
FIRST_PAINTED = 2
"""The class of interest; what is left is background."""


class Workspace:
    """The image at hand and what belongs to it; knows nobody who works on it.

    Parameters
    ----------
    viewer
        Is held weakly: what held it would keep it alive for ever.

    Attributes
    ----------
    image
        The layer that is annotated; None without any image.
    annotation
        The painted labels, their classes and revision.
    annotations
        Which annotation belongs to which image.
    exclusion
        What training and prediction leave out.
    layers
        The layers that we made.
    runner, measuring
        Run a job each: training and prediction; fibers and focus.
    target
        Tells the running job where the user looks.
    image_leaving
        Another image is next; all of the old one is still there.
    image_left
        Another image is there, and of the old one nothing may be shown on it.
    image_changed
        All that belongs to the image at hand is in place.
    view_changed
        The user looks elsewhere.
    adopted
        Emitted with an annotation layer that we begin to follow.
    viewer_leaving
        Layers go because their viewer does.
    """

    image_leaving = Signal()
    image_left = Signal()
    image_changed = Signal()
    view_changed = Signal()
    adopted = Signal(object)
    viewer_leaving = Signal()

    def __init__(self, viewer: Any) -> None:
        viewer = getattr(viewer, "__wrapped__", viewer)  # napari may hand out a proxy
        self._viewer = weakref.ref(viewer)
        self.image: Image | None = None
        self.runner = JobRunner()
        self.measuring = JobRunner()
        self.target = ViewportMailbox()
        self.layers = LayerGroup(self._viewer)
        self.annotations = Annotations(self._viewer, self.layers)
        self.exclusion = Exclusion()
        self.annotation = Annotation(self.exclusion)
        self._camera_rests = QTimer()
        self._camera_rests.setSingleShot(True)
        self._camera_rests.setInterval(CAMERA_MS)
        self._camera_rests.timeout.connect(self.follow_view)
        self._wiring, self._image_wiring = Connections(), Connections()
        self._axes: LayerAxes | None = None

    @property
    def viewer(self) -> Any:
        """The viewer, which lives as long as a dock does."""
        return self._viewer()

    @property
    def images(self) -> list[Image]:
        """Image layers that are not ours, the lowest first."""
        return self.annotations.candidates

    def has(self, layer: Layer | None) -> bool:
        """Whether a layer is still in the viewer."""
        viewer = self.viewer
        return viewer is not None and layer is not None and layer in viewer.layers

    def labels_of(self, image: Image) -> LabelChange:
        """Labels of another image than the one at hand, as a change of no labels.

        Raises
        ------
        InputError
            When there are none that fit, or other classes.
        """
        return self.annotations.labels_of(image, self.annotation.classes)

    def choose_image(self, layer: Image | None) -> None:
        """Work on another image; what runs on the old one is stopped."""
        layer = getattr(layer, "__wrapped__", layer)  # napari may hand out a proxy
        if layer is not self.image:
            self._take_image(layer)

    def pick_image(self, layer: Image | None) -> None:
        """Work on another image, and see it: what covers it is hidden."""
        self.choose_image(layer)
        if self.image is None or self.viewer is None:
            return
        layers = [layer for layer in self.viewer.layers if not self.layers.owns(layer)]
        annotations = self.annotations
        painted = {image: annotations.of(image) for image in annotations.images}
        bring_into_view(self.image, layers, painted, self.layers.of_others())

    def start_annotating(self) -> Labels:
        """Make or adopt the annotation of the image, brush in hand.

        Raises
        ------
        InputError
            When the image cannot be annotated.
        """
        data = pixels(self.image)
        layer = self.annotation.layer
        if layer is None:
            place = layer_transform(self.image)
            blank = LayerAxes.of(self.image).lift(np.zeros(data.shape, np.uint8))
            layer = Labels(blank, name=self._free_name(), **place)
            self.viewer.layers.append(layer)
            self._follow_annotation(layer)
        if not _painting(layer):
            self.choose_class(FIRST_PAINTED)
        self.viewer.layers.selection.active = layer
        return layer

    def _free_name(self) -> str:
        """For an annotation; of several images, each has its name in it."""
        assert self.image is not None
        known = any(layer.name == ANNOTATION for layer in self.viewer.layers)
        return legal(f"{ANNOTATION} {self.image.name}") if known else ANNOTATION

    def choose_class(self, label: int) -> None:
        """Paint this class from now on; 0 takes the eraser."""
        layer = self.annotation.layer
        if layer is None or label > len(self.annotation.class_names):
            return
        self.viewer.layers.selection.active = layer
        if label:
            layer.selected_label = label
        layer.mode = "paint" if label else "erase"

    def labels_for_job(self) -> LabelChange:
        """The annotation less what is left out, as a change of an empty one.

        Raises
        ------
        InputError
            When there is none, or one that does not fit the image.
        """
        shape = tuple(pixels(self.image).shape)
        if self.annotation.layer is None:
            for layer in self.viewer.layers:
                if isinstance(layer, Labels) and layer.name.startswith(ANNOTATION):
                    raise InputError(misfit(layer, shape))
        self.annotation.checked()
        if self.annotation.store.shape != shape:
            raise InputError(misfit(self.annotation.layer, shape))
        return self.annotation.learned().snapshot()

    def scribbles_for_job(self) -> Scribbles:
        """The same labels, as scribbles; InputError as `labels_for_job`."""
        change = self.labels_for_job()
        shape = self.annotation.store.shape
        return Scribbles(shape, change.indices, change.values)

    @property
    def strokes_before(self) -> int | None:
        """Strokes that were painted before a picture was shown; None = all of them."""
        return None if self.image is None else self.annotations.before.get(self.image)

    def shown_region(self) -> Region | None:
        """Part of the image that is on the screen; a slice of a volume."""
        view = self._view()
        return None if view is None else view.region

    def follow_view(self, event: object = None) -> None:
        """Tell a running job where the user looks."""
        self.target.look_at(self._view())
        self.view_changed.emit()

    def watch(self) -> None:
        """Follow the viewer, and take in what has happened in it meanwhile."""
        layers, dims = self.viewer.layers.events, self.viewer.dims.events
        self._wiring.connect(layers.inserted, self._on_inserted)
        self._wiring.connect(layers.removed, self._on_removed)
        for event in (dims.point, dims.order, dims.ndisplay):
            self._wiring.connect(event, self.follow_view)
        camera = camera_of(self.viewer).events
        for event in (camera.center, camera.zoom):
            self._wiring.connect(event, self._on_camera)
        if self.image is None or self.image not in self.viewer.layers:
            self._choose_some_image()
        self._watch_axes()
        self._on_axes()
        self._follow_annotation(self.annotations.find(self.image))
        self.follow_view()

    def unwatch(self) -> None:
        """Let the viewer do what it likes, until `watch`."""
        self._wiring.close()
        self._image_wiring.close()
        self._camera_rests.stop()

    def close(self) -> None:
        """Stop what runs, and let go of the layers."""
        self.runner.stop()
        self.measuring.stop()
        self.exclusion.close()
        self.layers.close()
        self.annotation.follow(None)

    def _take_image(self, layer: Image | None) -> None:
        self.image_leaving.emit()
        self.layers.leave(self.image)  # what they leave out goes with the focus
        self.image = layer
        self._axes = None if layer is None else LayerAxes.of(layer)
        self._watch_axes()
        self.image_left.emit()
        self._follow_annotation(self.annotations.find(self.image))
        self.follow_view()
        self.image_changed.emit()

    def _view(self) -> Viewport | None:
        try:
            pixels(self.image)
        except InputError:
            return None
        return None if self.viewer is None else shown_view(self.image, self.viewer.dims)

    def _on_inserted(self, event: Any) -> None:
        if self.image is None:
            self._choose_some_image()
        elif self.annotation.layer is None:
            self._follow_annotation(self.annotations.find(self.image))

    def _on_removed(self, event: Any) -> None:
        if is_closing(self.viewer):
            self.viewer_leaving.emit()
            return
        self.exclusion.lose(event.value)
        self.layers.shapes_lost |= isinstance(event.value, Shapes)
        if event.value is self.image:
            self._choose_some_image()
        elif event.value is self.annotation.layer:
            self._follow_annotation(self.annotations.find(self.image))

    def _watch_axes(self) -> None:
        self._image_wiring.close()
        if self.image is not None:
            signal = self.image.events.axis_labels
            self._image_wiring.connect(signal, self._on_axes)

    def _on_axes(self, event: object = None) -> None:
        """An image whose axes mean something else is another image to all of us."""
        if self.image is not None and LayerAxes.of(self.image) != self._axes:
            self._take_image(self.image)

    def _on_camera(self, event: object) -> None:
        # The layer knows what is in the window only after the next drawing.
        self._camera_rests.start()

    def _choose_some_image(self) -> None:
        images = self.images
        gray = [image for image in images if not image.rgb]
        self.choose_image(next(iter(gray or images), None))

    def _follow_annotation(self, layer: Labels | None) -> None:
        if layer is not None and layer is not self.annotation.layer:
            self.layers.adopt(ANNOTATION, layer)
            assert self.image is not None
            self.annotations.remember(self.image, layer)
            self.adopted.emit(layer)
        self.annotation.follow(layer)


def _painting(layer: Labels) -> bool:
    return str(layer.mode) in ("paint", "fill", "polygon")
