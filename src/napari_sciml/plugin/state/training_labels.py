"""The annotation as a running training has it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.annotation.store import LabelStore


class TrainingLabels:
    """Hands changes of the annotation to a training and remembers what it has.

    Parameters
    ----------
    first
        The annotation so far, as a change of an empty one.
    shape
        Of the annotation, in voxels.
    class_names
        In order of the labels.
    """

    def __init__(
        self, first: LabelChange, shape: tuple[int, ...], class_names: Sequence[str]
    ) -> None:
        self.feed = LabelFeed(first if len(first) else None, class_names)
        self.given = LabelStore(shape)
        self.given.write(first.indices, first.values)

    def put(self, change: LabelChange) -> None:
        """Hand over a change."""
        self.given.write(change.indices, change.values)
        self.feed.put(change)

    def catch_up(self, now: LabelStore) -> bool:
        """Hand over how another annotation differs; False where its shape does."""
        if now.shape != self.given.shape:
            return False
        places = np.union1d(self.given.indices, now.indices)
        change = self.given.write(places, now.labels_at(places))
        if change is not None:
            self.feed.put(replace(change, revision=now.revision))
        return True

    def rename(self, class_names: Sequence[str]) -> bool:
        """Give the classes other names; False where there are more or fewer."""
        if len(class_names) != len(self.feed.class_names):
            return False
        self.feed.rename(class_names)
        return True
