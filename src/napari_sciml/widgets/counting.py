"""Voxels and strokes of an annotation."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from napari_sciml.annotation.strokes import find_strokes


@dataclass(frozen=True)
class Counts:
    """How much is annotated of each label value."""

    voxels: dict[int, int] = field(default_factory=dict)
    strokes: dict[int, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """Tell a person."""
        voxels, strokes = sum(self.voxels.values()), sum(self.strokes.values())
        if len(self.voxels) < 2:
            what = "Only one class is annotated" if self.voxels else "Not annotated yet"
            return f"{what}: paint at least two classes."
        plural = "" if strokes == 1 else "s"
        return f"{voxels:,} voxels in {strokes:,} stroke{plural}."


def count_annotation(labels: np.ndarray) -> Counts:
    """Count voxels and strokes; strokes only in the box that holds labels."""
    found = np.flatnonzero(labels)
    if not len(found):
        return Counts()
    values, counts = np.unique(labels.reshape(-1)[found], return_counts=True)
    corners = [
        (int(i.min()), int(i.max())) for i in np.unravel_index(found, labels.shape)
    ]
    box = tuple(slice(low, high + 1) for low, high in corners)
    strokes = Counter(stroke.label for stroke in find_strokes(labels[box]))
    voxels = {int(v): int(n) for v, n in zip(values, counts, strict=True)}
    return Counts(voxels, dict(strokes))
