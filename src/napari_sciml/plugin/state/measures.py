"""What the layer of the uncertainty can show."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_sciml.plugin.state.prediction_volume import PredictionVolume


@dataclass(frozen=True)
class Measure:
    """A measure of the uncertainty.

    Attributes
    ----------
    meaning
        In plain words.
    limits
        Contrast limits: less is not worth a color, more is hardly possible.
    values
        Gives the array of the image's shape, from the prediction and the place of a
        class along the class axis.
    """

    meaning: str
    limits: tuple[float, float]
    values: Callable[[PredictionVolume, int], np.ndarray]


DEVIATION = "Deviation"
MEASURES = {
    DEVIATION: Measure(
        "standard deviation: how much trees and networks disagree about the class",
        (0.1, 0.5),
        lambda volume, index: volume.std[index],
    ),
    "Entropy": Measure(
        "all doubt, also where each of them finds the image ambiguous",
        (0.2, 1.0),
        lambda volume, _: volume.entropy,
    ),
    "Information": Measure(
        "mutual information: the part of the doubt that more labels would remove",
        (0.05, 0.6),
        lambda volume, _: volume.mutual_information,
    ),
}
