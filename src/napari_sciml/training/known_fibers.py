"""What fibers look like, before anybody has painted many.

Five strokes on an image do not tell what a fiber is, and a forest that has seen
nothing else takes them too literally. So trees of volumes learn from some voxels of
phantoms besides, which count as much as a few strokes do, and ever less the more is
painted. Whether fibers are bright or dark is told by the first strokes. Only a class
that is called so is taken for fibers.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.networks.trees.examples import Examples
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.training.trees import TreeGrower

FILE = Path(__file__).with_name("known_fibers.safetensors")
"""Made by ``benchmarks/known_fibers.py`` from phantoms of the package."""
CHANNELS = 35
CLASSES = ("background", "fiber")
WEIGHT = 300.0
"""Labeled voxels that count as much as all of it: about six strokes."""
KNOWN_STROKES = 40
"""Strokes painted in advance that it counts for, where the cut is chosen: what comes
from phantoms corrects nothing, and is no more overdone than these."""
FITS = 0.53
"""Mean probability of what was painted, by phantoms alone, from which on they count.
Where fibers are seen as such it is 0.8 to 0.95 at first, and 0.57 to 0.7 after twenty
corrections, by the other kind of phantoms 0.37 to 0.5."""
KNOWN_CUT = 2.0
"""Usual cut, as a logit, of trees that learned from it: half of it is fiber."""


class KnownFibers:
    """Labeled voxels of phantoms that trees of an image learn from, too.

    There are phantoms with bright fibers and with dark ones: those count that know what
    was painted, if any do.

    Parameters
    ----------
    class_names
        Of the training: nothing is known of others than `CLASSES`.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names = tuple(class_names)
        self._kinds: list[tuple[Examples, Forest]] = []

    @classmethod
    def of(
        cls, class_names: Sequence[str], *, dims: int, channels: int
    ) -> "KnownFibers | None":
        """Give them for a training; None where nothing is known of such images.

        Parameters
        ----------
        class_names
            Of the training.
        dims
            Axes of the image.
        channels
            That its trees see: other ones where slices are looked at one by one, or
            where there are several images in one.
        """
        there = set(CLASSES) <= set(class_names)
        fit = (dims, channels) == (3, CHANNELS)
        return cls(class_names) if there and fit else None

    def weighing(self, grower: TreeGrower, labels: Scribbles) -> Examples | None:
        """What trees learn from besides the strokes.

        Parameters
        ----------
        grower
            Knows the channels of some labeled voxels, at least.
        labels
            What was painted.
        """
        labels = labels.subset(grower.knows(labels.indices))
        wanted = [1 + self._names.index(name) for name in CLASSES]
        if not set(wanted) <= set(labels.counts):
            return None
        if not self._kinds:
            for dark in (False, True):
                known = load(dark=dark).named(CLASSES, self._names)
                self._kinds.append((known, grower.forest_of(known)))
        fits = [_fit(grower, labels, wanted, forest) for _, forest in self._kinds]
        best = int(np.argmax(fits))
        return self._kinds[best][0].weighing(WEIGHT) if fits[best] > FITS else None


def _fit(
    grower: TreeGrower, labels: Scribbles, wanted: Sequence[int], forest: Forest
) -> float:
    """Mean probability of what was painted, in which classes count alike."""
    shares = []
    for value in wanted:
        own = labels.indices[labels.values == value]
        shares.append(float(grower.answers(forest, own)[:, value - 1].mean()))
    return float(np.mean(shares))


def load(*, dark: bool) -> Examples:
    """Read the voxels of phantoms with dark or with bright fibers."""
    from safetensors.numpy import load_file

    kind = "dark" if dark else "bright"
    arrays = load_file(FILE)
    classes = arrays[f"{kind}.classes"].astype(np.intp)
    return Examples(
        arrays[f"{kind}.rows"].astype(np.float32),
        arrays[f"{kind}.context"].astype(np.float32),
        classes,
        np.ones(len(classes), np.float32),
    )
