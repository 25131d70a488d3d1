"""Keys that work while the annotation is the active layer."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Labels, Layer

from napari_sciml.annotation.classes import MAX_CLASSES
from napari_sciml.errors import InputError

if TYPE_CHECKING:
    from napari_sciml.plugin.session import ViewerSession

PREVIOUS, NEXT = "S", "D"
IMAGE, ANNOTATION, PROBABILITY = "I", "A", "O"
"""None of them is taken by napari 0.9, neither for Labels nor for the viewer."""

HELP = (
    f"Keys: <b>1-{MAX_CLASSES}</b> class, <b>0</b> eraser, <b>[ ]</b> brush, "
    f"<b>{PREVIOUS}</b> previous and <b>{NEXT}</b> next annotated slice. Show or hide: "
    f"<b>{IMAGE}</b> image, <b>{ANNOTATION}</b> annotation, <b>{PROBABILITY}</b> "
    "probability."
)


def bind_keys(session: "ViewerSession", layer: Labels) -> None:
    """Give the annotation layer its keys.

    Parameters
    ----------
    session
        Is held weakly: the layer may outlive it.
    layer
        The annotation.
    """
    for label in range(MAX_CLASSES + 1):
        text = f"Paint class {label}." if label else "Take the eraser."
        _bind(session, layer, str(label), text, _choose(label))
    _bind(session, layer, PREVIOUS, "Previous annotated slice.", _previous)
    _bind(session, layer, NEXT, "Next annotated slice.", _next)
    _bind(session, layer, IMAGE, "Show or hide the image.", _toggle_image)
    _bind(session, layer, ANNOTATION, "Show or hide the annotation.", _toggle_layer)
    _bind(session, layer, PROBABILITY, "Show or hide the probability.", _toggle_maps)


class _Key:
    """What a key does."""

    def __init__(
        self,
        session: "ViewerSession",
        text: str,
        action: Callable[["ViewerSession"], None],
    ) -> None:
        self._session = weakref.ref(session)
        self._action = action
        self.__name__ = text.lower().rstrip(".").replace(" ", "_")
        self.__doc__ = text

    def __call__(self, layer: Layer) -> None:
        session = self._session()
        if session is None or session.viewer is None:
            return
        try:
            self._action(session)
        except InputError as error:
            session.viewer.status = str(error)


def _bind(
    session: "ViewerSession",
    layer: Labels,
    key: str,
    text: str,
    action: Callable[["ViewerSession"], None],
) -> None:
    layer.bind_key(key, _Key(session, text, action), overwrite=True)


def _choose(label: int) -> Callable[["ViewerSession"], None]:
    return lambda session: session.choose_class(label)


def _previous(session: "ViewerSession") -> None:
    session.slices.go_to_previous()


def _next(session: "ViewerSession") -> None:
    session.slices.go_to_next()


def _toggle_image(session: "ViewerSession") -> None:
    _toggle([session.image])


def _toggle_layer(session: "ViewerSession") -> None:
    _toggle([session.annotation.layer])


def _toggle_maps(session: "ViewerSession") -> None:
    volume = session.prediction.probabilities
    names = volume.class_names if volume else ()
    _toggle([session.layers.get(f"Probability {name}") for name in names])


def _toggle(layers: list[Layer | None]) -> None:
    """Hide layers of which one is shown at least, or show all of them."""
    present = [layer for layer in layers if layer is not None]
    shown = any(layer.visible for layer in present)
    for layer in present:
        layer.visible = not shown
