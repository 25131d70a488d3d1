"""How the image looks when napari shows it in space: not as a cloud over all."""

from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.color import ColorValue
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.state.prediction import PREDICTED
from napari_sciml.plugin.state.workspace import Workspace

IMAGE = {
    "rendering": "attenuated_mip",
    "attenuation": 0.1,
    "opacity": 0.35,
    "blending": "translucent_no_depth",
}
OVER = {"rendering": "mip", "blending": "additive"}
"""Of probabilities and uncertainty."""
DARK = "black"
"""Behind a view in space, with light themes, too: on white, what is added to the light
cannot be seen, and an image is a gray block."""


class InSpace:
    """Follows the switch between slices and space, and undoes what it did.

    Parameters
    ----------
    workspace
        Has the viewer and the image.

    Attributes
    ----------
    entered, left
        Emitted after the switch.
    """

    entered = Signal()
    left = Signal()

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._before: list[tuple[Layer, dict[str, Any], dict[str, Any]]] = []
        self._darkened = False
        # napari's camera is one of slices yet when it tells of the switch.
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._switch)
        self._wiring = Connections()

    @property
    def active(self) -> bool:
        """Whether there is a view in space."""
        viewer = self._workspace.viewer
        return viewer is not None and viewer.dims.ndisplay == 3

    def watch(self) -> None:
        """Follow the viewer."""
        dims = self._workspace.viewer.dims.events
        self._wiring.connect(dims.ndisplay, self._on_switch)
        self._wiring.connect(self._workspace.image_leaving, self._leave)
        self._wiring.connect(self._workspace.image_changed, self._on_image)

    def close(self) -> None:
        """Follow it no more."""
        self._wiring.close()
        self._soon.stop()
        self._before = []
        self._lighten()

    def _on_switch(self, event: object) -> None:
        self._soon.start()

    def _on_image(self) -> None:
        if self.active:
            self._enter()

    def _switch(self) -> None:
        if self.active:
            self._enter()
            self.entered.emit()
        else:
            self._leave()
            self.left.emit()

    def _enter(self) -> None:
        image = self._workspace.image
        if image is None or image.rgb or self._before:
            return
        self._darken()
        self._look(image, IMAGE)
        for layer in self._workspace.layers.of(Image, PREDICTED):
            self._look(layer, OVER)

    def _look(self, layer: Image, look: dict[str, Any]) -> None:
        self._before.append((layer, look, {k: getattr(layer, k) for k in look}))
        for name, value in look.items():
            setattr(layer, name, value)

    def _leave(self) -> None:
        """What the user has changed meanwhile stays as he wants it."""
        before, self._before = self._before, []
        for layer, look, was in before:
            for name, value in was.items():
                if getattr(layer, name) == look[name]:
                    setattr(layer, name, value)
        self._lighten()

    @property
    def _canvas(self) -> Any:
        """Of napari 0.9 or later; earlier ones cannot be asked for another color."""
        return getattr(self._workspace.viewer, "canvas", None)

    def _darken(self) -> None:
        canvas = self._canvas
        if canvas is not None and canvas.background_color_override is None:
            canvas.background_color_override = DARK
            self._darkened = True

    def _lighten(self) -> None:
        """A color that the user has chosen meanwhile stays."""
        canvas, darkened = self._canvas, self._darkened
        self._darkened = False
        if darkened and canvas is not None:
            color = canvas.background_color_override
            if color is not None and np.array_equal(color, ColorValue(DARK)):
                canvas.background_color_override = None
