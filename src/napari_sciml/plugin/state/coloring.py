"""Our layers have the colors of the classes, also of classes that get another one."""

from typing import TYPE_CHECKING

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.plugin.kit.connections import Wiring
from napari_sciml.plugin.layers.colors import label_colormap, probability_colormap

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sciml.plugin.session import ViewerSession


class Coloring:
    """Follows the class table of a session.

    Parameters
    ----------
    session
        Has the annotation, the prediction and the layers that show them.
    """

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self._colors: tuple[str, ...] = ()
        self._layer: Labels | None = None
        self._wiring = Wiring()
        self._wiring.connect(session.annotation.classes_changed, self.apply)

    def apply(self) -> None:
        """Color the layers, where the classes or the annotation have changed."""
        annotation = self._session.annotation
        classes, layer = annotation.classes, annotation.layer
        if (classes.colors, layer) == (self._colors, self._layer):
            return
        self._colors, self._layer = classes.colors, layer
        if layer is not None:
            layer.colormap = label_colormap(classes)
        self._color_probabilities(classes)
        self._color_masks(classes)

    def _color_probabilities(self, classes: ClassTable) -> None:
        volume = self._session.prediction.probabilities
        for label, name in enumerate(volume.class_names if volume else (), start=1):
            layer = self._session.layers.get(f"Probability {name}")
            if layer is not None:
                layer.colormap = probability_colormap(label, classes.color_of(label))

    def _color_masks(self, classes: ClassTable) -> None:
        for name in self._session.sure.class_names:
            layer = self._session.layers.get(f"Confident {name}")
            if layer is not None:
                layer.colormap = label_colormap(classes)
