"""The images that a training in the viewer learns from, and their labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.layers import Image

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.annotation.store import LabelStore
from napari_sciml.images.mosaic import Mosaic


@dataclass
class Member:
    """One image of a training.

    Attributes
    ----------
    layer
        The image.
    given
        Its labels as the training has them.
    left_out
        Whether its labels do not count at present.
    """

    layer: Image
    given: LabelStore
    left_out: bool = False


class TrainingLabels:
    """Hands changes of the annotations to a training and remembers what it has.

    Parameters
    ----------
    layers
        The images, the one that is shown first.
    pixels
        Array-like of each.
    labels
        Of each so far, as a change of an empty annotation.
    class_names
        In order of the labels.

    Attributes
    ----------
    image
        What the training learns from: an array-like, or a mosaic of several.
    feed
        Where it gets its labels.
    shown
        Number of the image that is shown.
    revision
        Of the annotation, when a label was handed over the last time.
    """

    def __init__(
        self,
        layers: Sequence[Image],
        pixels: Sequence[Any],
        labels: Sequence[LabelChange],
        class_names: Sequence[str],
    ) -> None:
        self.image = Mosaic(pixels) if len(pixels) > 1 else pixels[0]
        self.shown = 0
        self.revision = labels[0].revision
        self.members: list[Member] = []
        self.feed = LabelFeed(None, class_names)
        for layer, data, change in zip(layers, pixels, labels, strict=True):
            given = LabelStore(tuple(int(n) for n in data.shape))
            given.write(change.indices, change.values)
            self.members.append(Member(layer, given))
        first = [self._in_space(n, change) for n, change in enumerate(labels)]
        for change in first:
            if len(change):
                self.feed.put(replace(change, revision=self.revision))

    @property
    def given(self) -> LabelStore:
        """Labels of the image that is shown, as the training has them."""
        return self.members[self.shown].given

    @property
    def several(self) -> bool:
        """Whether there is more than one image."""
        return len(self.members) > 1

    @property
    def strokes(self) -> int:
        """Strokes that count at present, of all images."""
        counted = [one.given for one in self.members if not one.left_out]
        return sum(sum(store.stroke_counts().values()) for store in counted)

    def number_of(self, layer: Image | None) -> int | None:
        """Number of an image; None where the training does not learn from it."""
        numbers = [n for n, one in enumerate(self.members) if one.layer is layer]
        return numbers[0] if numbers else None

    def show(self, layer: Image | None, shape: Sequence[int]) -> bool:
        """Let it be the labels of another image that change from now on.

        Parameters
        ----------
        layer
            The image.
        shape
            That it has now, in voxels.

        Returns
        -------
        bool
            False where the training does not know it like this: it is none of its
            images, or the axes mean something else now.
        """
        number = self.number_of(layer)
        if number in (None, self.shown):  # the same one again: by other axes
            return False
        assert number is not None
        if self.members[number].given.shape != tuple(shape):
            return False
        self.shown = number
        self.leave_out(number, False)  # who paints on it wants it to count
        return True

    def put(self, change: LabelChange) -> None:
        """Hand over a change of the labels of the image that is shown."""
        self.given.write(change.indices, change.values)
        self._hand_over(self.shown, change)

    def add(self, layer: Image, pixels: Any, labels: LabelChange) -> None:
        """Learn from one more image; only where there are several already.

        Raises
        ------
        InputError
            When it does not go with the others.
        """
        assert isinstance(self.image, Mosaic)
        number = self.image.add(pixels)
        given = LabelStore(tuple(int(n) for n in pixels.shape))
        given.write(labels.indices, labels.values)
        self.members.append(Member(layer, given))
        self._hand_over(number, labels)

    def leave_out(self, number: int, left_out: bool) -> None:
        """Let the labels of an image not count, or count again."""
        member = self.members[number]
        if member.left_out == left_out:
            return
        now = member.given.snapshot()
        values = np.zeros_like(now.values) if left_out else now.values
        member.left_out = False
        self._hand_over(number, replace(now, values=values))
        member.left_out = left_out

    def catch_up(self, now: LabelStore) -> bool:
        """Hand over how another annotation differs; False where its shape does."""
        if now.shape != self.given.shape:
            return False
        places = np.union1d(self.given.indices, now.indices)
        change = self.given.write(places, now.labels_at(places))
        if change is not None:
            self._hand_over(self.shown, replace(change, revision=now.revision))
        return True

    def has_all(self, layer: Image | None, now: LabelStore) -> bool:
        """Whether these are the labels of an image as the training has them."""
        number = self.number_of(layer)
        if number is None or self.members[number].left_out:
            return False
        given = self.members[number].given
        return np.array_equal(given.indices, now.indices) and np.array_equal(
            given.values, now.values
        )

    def rename(self, class_names: Sequence[str]) -> bool:
        """Give the classes other names; False where there are more or fewer."""
        if len(class_names) != len(self.feed.class_names):
            return False
        self.feed.rename(class_names)
        return True

    def _hand_over(self, number: int, change: LabelChange) -> None:
        if len(change) and not self.members[number].left_out:
            # The labels of an image that is not shown count their own revisions.
            self.revision = max(self.revision, change.revision)
            told = replace(change, revision=self.revision)
            self.feed.put(self._in_space(number, told))

    def _in_space(self, number: int, change: LabelChange) -> LabelChange:
        if not isinstance(self.image, Mosaic):
            return change
        return replace(change, indices=self.image.to_space(number, change.indices))
