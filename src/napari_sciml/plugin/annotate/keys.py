"""Keys that work while the annotation is the active layer."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.layers import Labels, Layer

from napari_sciml.annotation.classes import MAX_CLASSES
from napari_sciml.errors import InputError

if TYPE_CHECKING:
    from napari_sciml.plugin.annotate.slices import AnnotatedSlices
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

PREVIOUS, NEXT = "S", "D"
IMAGE, ANNOTATION, PROBABILITY = "I", "A", "O"
"""None of them is taken by napari 0.9, neither for Labels nor for the viewer."""

HELP = (
    f"Keys: <b>1-{MAX_CLASSES}</b> class, <b>0</b> eraser, <b>[ ]</b> brush, "
    f"<b>{PREVIOUS}</b> previous and <b>{NEXT}</b> next annotated slice. Show or hide: "
    f"<b>{IMAGE}</b> image, <b>{ANNOTATION}</b> annotation, <b>{PROBABILITY}</b> "
    "probability."
)


@dataclass(frozen=True)
class Desk:
    """What the keys act on.

    Attributes
    ----------
    workspace, prediction
        Have the layers.
    slices
        Goes from one annotated slice to the next.
    """

    workspace: "Workspace"
    prediction: "Prediction"
    slices: "AnnotatedSlices"


def bind_keys(desk: Desk, layer: Labels) -> None:
    """Give the annotation layer its keys.

    Parameters
    ----------
    desk
        Is held weakly: the layer may outlive it.
    layer
        The annotation.
    """
    for label in range(MAX_CLASSES + 1):
        text = f"Paint class {label}." if label else "Take the eraser."
        _bind(desk, layer, str(label), text, _choose(label))
    _bind(desk, layer, PREVIOUS, "Previous annotated slice.", _previous)
    _bind(desk, layer, NEXT, "Next annotated slice.", _next)
    _bind(desk, layer, IMAGE, "Show or hide the image.", _toggle_image)
    _bind(desk, layer, ANNOTATION, "Show or hide the annotation.", _toggle_layer)
    _bind(desk, layer, PROBABILITY, "Show or hide the probability.", _toggle_maps)


class _Key:
    """What a key does."""

    def __init__(self, desk: Desk, text: str, action: Callable[[Desk], None]) -> None:
        self._desk = weakref.ref(desk)
        self._action = action
        self.__name__ = text.lower().rstrip(".").replace(" ", "_")
        self.__doc__ = text

    def __call__(self, layer: Layer) -> None:
        desk = self._desk()
        if desk is None or desk.workspace.viewer is None:
            return
        try:
            self._action(desk)
        except InputError as error:
            desk.workspace.viewer.status = str(error)


def _bind(
    desk: Desk, layer: Labels, key: str, text: str, action: Callable[[Desk], None]
) -> None:
    layer.bind_key(key, _Key(desk, text, action), overwrite=True)


def _choose(label: int) -> Callable[[Desk], None]:
    return lambda desk: desk.workspace.choose_class(label)


def _previous(desk: Desk) -> None:
    desk.slices.go_to_previous()


def _next(desk: Desk) -> None:
    desk.slices.go_to_next()


def _toggle_image(desk: Desk) -> None:
    _toggle([desk.workspace.image])


def _toggle_layer(desk: Desk) -> None:
    _toggle([desk.workspace.annotation.layer])


def _toggle_maps(desk: Desk) -> None:
    volume = desk.prediction.probabilities
    names = volume.class_names if volume else ()
    _toggle([desk.workspace.layers.get(f"Probability {name}") for name in names])


def _toggle(layers: list[Layer | None]) -> None:
    """Hide layers of which one is shown at least, or show all of them."""
    present = [layer for layer in layers if layer is not None]
    shown = any(layer.visible for layer in present)
    for layer in present:
        layer.visible = not shown
