"""Our layers have the colors of the classes, also of classes that get another one."""

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.plugin.kit.colors import label_colormap, probability_colormap
from napari_sciml.plugin.kit.connections import Connections

if TYPE_CHECKING:
    from napari_sciml.plugin.layers.layers import LayerGroup
    from napari_sciml.plugin.state.labels.annotation import Annotation
    from napari_sciml.plugin.state.prediction import Prediction

CONFIDENT = "Confident "
"""How the name of a mask begins."""


class Coloring:
    """Follows the class table.

    Parameters
    ----------
    annotation
        Has the classes.
    prediction, layers
        What shows them.
    """

    def __init__(
        self, annotation: "Annotation", prediction: "Prediction", layers: "LayerGroup"
    ) -> None:
        self._annotation, self._prediction = annotation, prediction
        self._layers = layers
        self._colors: tuple[str, ...] = ()
        self._layer: Labels | None = None
        self._wiring = Connections()
        self._wiring.connect(annotation.classes_changed, self.apply)

    def apply(self) -> None:
        """Color the layers, where the classes or the annotation have changed."""
        classes, layer = self._annotation.classes, self._annotation.layer
        if (classes.colors, layer) == (self._colors, self._layer):
            return
        self._colors, self._layer = classes.colors, layer
        if layer is not None:
            layer.colormap = label_colormap(classes)
        self._color_probabilities(classes)
        for mask in self._layers.of(Labels, CONFIDENT):
            mask.colormap = label_colormap(classes)

    def _color_probabilities(self, classes: ClassTable) -> None:
        volume = self._prediction.probabilities
        for label, name in enumerate(volume.class_names if volume else (), start=1):
            layer = self._layers.get(f"Probability {name}")
            if layer is not None:
                layer.colormap = probability_colormap(label, classes.color_of(label))
