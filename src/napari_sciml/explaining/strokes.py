"""Which strokes made the model think so: those that look most alike to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.explaining.features import Features, similarity
from napari_sciml.explaining.lessons import Lessons


@dataclass(frozen=True)
class SimilarStroke:
    """A labeled place that looks like another voxel to the model.

    Attributes
    ----------
    place
        Voxel of the stroke that is most alike.
    class_index
        That it was labeled.
    similarity
        0 to 1; see `napari_sciml.explaining.features.similarity`.
    agrees
        Whether its label is what is predicted at the other voxel.
    """

    place: tuple[int, ...]
    class_index: int
    similarity: float
    agrees: bool

    def words(self, class_names: Sequence[str]) -> str:
        """Tell a person."""
        label = class_names[self.class_index]
        what = f"labeled {label}" if self.agrees else f"but labeled {label}"
        return f"{self.similarity:.0%} alike, {what}, at {self.place}"


def similar_strokes(
    lessons: Lessons, one: Features, weights: np.ndarray, predicted: int, count: int
) -> tuple[SimilarStroke, ...]:
    """Find the strokes that are most like a voxel to the members of a model.

    Parameters
    ----------
    lessons
        Labeled voxels.
    one
        Features of the voxel.
    weights
        As in `similarity`.
    predicted
        Class that the model gives the voxel.
    count
        How many strokes to tell.

    Returns
    -------
    tuple
        Those with another label than what is predicted first, then the most similar
        first.
    """
    alike = similarity(lessons.features, one, weights)
    order = np.argsort(-alike, kind="stable")
    _, first = np.unique(lessons.strokes[order], return_index=True)
    best = order[np.sort(first)][:count]
    found = [
        SimilarStroke(
            tuple(map(int, lessons.places[n])),
            int(lessons.classes[n]),
            float(alike[n]),
            bool(lessons.classes[n] == predicted),
        )
        for n in best
    ]
    return tuple(sorted(found, key=lambda stroke: stroke.agrees))
