"""Which annotation belongs to which image of a viewer."""

import weakref
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import ClassTable
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError
from napari_sciml.plugin.layers.axes import LayerAxes, image_array
from napari_sciml.plugin.layers.images import RESULT, pixels
from napari_sciml.plugin.layers.layers import LayerGroup
from napari_sciml.plugin.state.labels.class_edits import read_classes

ANNOTATION = "Annotation"


class Annotations:
    """The annotation of each image, remembered for as long as both are there.

    Parameters
    ----------
    viewer
        Is held weakly, and may be gone.
    layers
        Those that we made: nobody annotates them.

    Attributes
    ----------
    before
        Of each image, strokes that were painted before any picture of it was shown.
    """

    def __init__(self, viewer: "weakref.ref[Any]", layers: LayerGroup) -> None:
        self._viewer, self._layers = viewer, layers
        self.before: weakref.WeakKeyDictionary[Image, int] = weakref.WeakKeyDictionary()
        self._known: weakref.WeakKeyDictionary[Image, weakref.ref[Labels]] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def candidates(self) -> list[Image]:
        """Image layers that can be annotated, the lowest first."""
        mine = (x for x in self._there() if not self._layers.owns(x))
        return [x for x in mine if isinstance(x, Image) and RESULT not in x.metadata]

    @property
    def images(self) -> list[Image]:
        """Images that have an annotation, the lowest first."""
        # One pass: to ask napari whether a layer is there takes as long as there are.
        there = set(self._there())
        return [x for x in self.candidates if self._remembered(x) in there]

    def of(self, image: Image) -> Labels | None:
        """The annotation of an image, where it is still in the viewer."""
        layer = self._remembered(image)
        return layer if layer is not None and layer in self._there() else None

    def remember(self, image: Image, layer: Labels) -> None:
        """Know a layer for the annotation of an image, whatever it is called later."""
        self._known[image] = weakref.ref(layer)

    def painted_before(self, image: Image, number: int | None) -> None:
        """Know of the strokes on an image what a file or a project tells of them.

        Parameters
        ----------
        image
            Which one.
        number
            Strokes painted before a picture was shown; None = it does not tell.
        """
        self.before.pop(image, None)
        if number is not None:
            self.before[image] = number

    def find(self, image: Image | None) -> Labels | None:
        """An annotation layer that fits an image, the topmost first."""
        if image is None:
            return None
        try:
            shape = tuple(pixels(image).shape)
        except InputError:
            return None
        lifted = LayerAxes.of(image).lift(np.broadcast_to(np.uint8(0), shape))
        own = self.of(image)
        taken = [self.of(other) for other in self.images if other is not image]
        for layer in reversed(self._there()):
            named = layer is own or layer.name.startswith(ANNOTATION)
            if not named or layer in taken or not isinstance(layer, Labels):
                continue
            if isinstance(layer.data, np.ndarray) and _fits(layer, lifted.shape):
                return layer
        return None

    def labels_of(self, image: Image, classes: ClassTable) -> LabelChange:
        """What is painted on an image, as a change of no labels.

        Parameters
        ----------
        image
            Whose annotation to read.
        classes
            That it must have.

        Raises
        ------
        InputError
            When there are none that fit, or other classes.
        """
        layer, shape = self.of(image), tuple(pixels(image).shape)
        if layer is None:
            raise InputError(f"'{image.name}' is not annotated yet: paint on it first.")
        table = read_classes(layer, classes)
        if table.names != classes.names:
            raise InputError(
                f"'{image.name}' has the classes {', '.join(table.names)}, but this "
                f"image has {', '.join(classes.names)}: give both the same."
            )
        labels = np.asarray(image_array(layer))
        if labels.shape != shape:
            raise InputError(misfit(layer, shape))
        store = LabelStore(shape)
        store.read_all(labels)
        if int(store.values.max(initial=0)) > len(table):
            raise InputError(
                f"The annotation of '{image.name}' holds values without a class: "
                "choose that image and add classes, or erase them."
            )
        return store.snapshot()

    def _there(self) -> Any:
        viewer = self._viewer()
        return [] if viewer is None else viewer.layers

    def _remembered(self, image: Image) -> Labels | None:
        known = self._known.get(image)
        return None if known is None else known()


def misfit(layer: Any, shape: tuple[int, ...]) -> str:
    """Say that labels have another shape than the image."""
    found = "several scales" if layer.multiscale else f"shape {layer.data.shape}"
    return (
        f"The layer '{layer.name}' has {found}, but the image has {shape}: choose the "
        'image that it was painted on, or press "Start annotating" for a new one.'
    )


def _fits(layer: Labels, shape: tuple[int, ...]) -> bool:
    """Whether labels lie on the axes that our layers have; ones before do not count."""
    found = tuple(layer.data.shape)
    lead = len(found) - len(shape)
    return lead >= 0 and found[lead:] == shape and set(found[:lead]) <= {1}
