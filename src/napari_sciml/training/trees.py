"""Grow trees from scribbles in a moment; a stroke costs what it touches."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.images.mosaic import frame_at
from napari_sciml.images.tiles import Tile, with_halo
from napari_sciml.networks.trees.context import Context
from napari_sciml.networks.trees.examples import Examples
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.networks.trees.forest_block import GROUPS, beside
from napari_sciml.networks.trees.linear import LinearModel
from napari_sciml.networks.trees.two_stage import TwoStageForest
from napari_sciml.training.data.row_table import (
    SHARED_BOX,
    RowTable,
    flat_pieces,
    mixed,
)
from napari_sciml.training.linear_fitting import SHARE, fit_linear
from napari_sciml.training.tree_growing import Grown, grow_trees

TREES = 12 * GROUPS
"""Of each stage; with twice as many the Dice of phantoms is 0.01 better at most."""
LEAF = 3
"""Least voxels of a leaf: against leaves of one, 0.02 of Dice on phantoms."""
BAG = {2: 0.25, 3: 0.5}
"""Share of the labeled voxels that is drawn for a tree, by axes. Voxels of a stroke are
much alike, most of all in photographs: against bags of the full size, 0.03 of Dice, and
0.06 after five strokes, on strokes and images of which some were in view."""
FEW_STROKES = 4
"""New ones whose channels are computed one by one."""
MOST_ROWS = 3000
"""Labeled voxels of a class that are learned from at most."""


@dataclass(frozen=True)
class GrownTrees:
    """Trees, and what they say about labeled voxels that they have not seen.

    Attributes
    ----------
    trees
        Both stages.
    indices
        ``(n,)`` flat places of the labeled voxels that were learned from, ascending.
    classes
        ``(n,)`` class index of each.
    out_of_bag
        ``(n, class)`` mean probabilities of both stages, by trees that were grown
        without the voxel.
    """

    trees: TwoStageForest
    indices: np.ndarray
    classes: np.ndarray
    out_of_bag: np.ndarray


class TreeGrower:
    """Grows trees anew from all scribbles, and keeps the channels of labeled voxels.

    Parameters
    ----------
    image
        Array-like of raw gray values.
    intensity
        Map to gray values of about zero mean and unit spread.
    classes
        Number of classes.
    spacing
        As in `napari_sciml.networks.trees.filter_bank.FilterBank`.
    seed
        Of the trees, and of the choice among many labels.
    device
        Where the channels are computed.
    """

    def __init__(
        self,
        image: Any,
        intensity: IntensityScale,
        *,
        classes: int,
        spacing: Sequence[float] | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self._image, self._intensity, self._device = image, intensity, device
        self._classes, self._seed = classes, seed
        self._shape = tuple(int(n) for n in image.shape)
        self._like: dict[str, Any] = {
            "dims": len(self._shape),
            "spacing": spacing,
            "inputs": intensity.channels,
        }
        empty = _untrained(self._like, classes)
        self._bank, self._context = empty.bank, empty.context
        self._rows = RowTable((self._bank.channels,), np.float32)
        self._around = RowTable((self._points,), np.int64)
        self._correcting = 0.0

    @property
    def channels(self) -> int:
        """Columns that the first stage sees of a voxel."""
        return self._bank.channels

    @property
    def _points(self) -> int:
        return self._context.offsets(np.zeros((len(self._shape), 1))).shape[1]

    def grow(
        self,
        scribbles: Scribbles,
        known: Examples | None = None,
        *,
        correcting: float = 0.0,
    ) -> Generator[None, None, GrownTrees]:
        """Grow both stages; yields often.

        Parameters
        ----------
        scribbles
            Of the image's shape, with two classes or more.
        known
            Labeled voxels of other images that count, too.
        correcting
            How far the strokes correct a picture, 0 to 1: only as far a linear model
            helps.
        """
        self._correcting = correcting
        chosen = self._chosen(scribbles)
        yield from self._look_at(chosen)
        classes = chosen.values.astype(np.intp) - 1
        weights = _weights(scribbles, chosen)
        rows = self._rows.at(chosen.indices)
        first, seen = self._grow(rows, classes, weights, 0, known)
        yield
        around = self._around.at(chosen.indices)
        context = self._context.of_points(
            self._first_answers(first, seen, chosen.indices, around)
        )
        yield
        both = np.concatenate([rows, context], axis=1)
        second, again = self._grow(both, classes, weights, 1, known)
        linear = self._fit(rows, classes, weights, known)
        trees = TwoStageForest(first, second, linear=linear, **self._like)
        trees.examples = _all(Examples(rows, context, classes, weights), known)
        yield
        told = beside(linear, (seen + again) / 2, rows)
        return GrownTrees(trees.eval(), chosen.indices, classes, told)

    def look_at(self, scribbles: Scribbles) -> Generator[None, None, None]:
        """Compute the channels of what will be learned from; yields often."""
        yield from self._look_at(self._chosen(scribbles))

    def knows(self, indices: np.ndarray) -> np.ndarray:
        """Whether the channels of voxels, by their flat places, are there."""
        return self._around.holds(indices)

    def forest_of(self, known: Examples) -> Forest:
        """Grow a first stage from labeled voxels of other images alone."""
        nothing = np.zeros((0, self._bank.channels), np.float32)
        empty = np.zeros(0, np.intp)
        return self._grow(nothing, empty, np.zeros(0), 3, known)[0]

    def answers(self, forest: Forest, indices: np.ndarray) -> np.ndarray:
        """Ask a first stage about voxels that are known: ``(n, class)``."""
        rows = self._rows.at(indices)
        return forest.probabilities(rows, range(len(forest.nodes)))

    def first_stage_answers(
        self,
        scribbles: Scribbles,
        indices: np.ndarray,
        known: Examples | None = None,
    ) -> np.ndarray:
        """What a first stage says that learned from some of the scribbles alone.

        Parameters
        ----------
        scribbles
            Of those that trees were grown from.
        indices
            Flat places that are known, see `knows`.
        known
            Labeled voxels of other images that count, too.

        Returns
        -------
        ndarray
            ``(n, class)`` probabilities.
        """
        chosen = self._chosen(scribbles)
        chosen = chosen.subset(self.knows(chosen.indices))
        classes = chosen.values.astype(np.intp) - 1
        weights = _weights(scribbles, chosen)
        rows = self._rows.at(chosen.indices)
        forest, _ = self._grow(rows, classes, weights, 2, known)
        asked = self._rows.at(indices)
        found = forest.probabilities(asked, range(len(forest.nodes)))
        return beside(self._fit(rows, classes, weights, known), found, asked)

    def _chosen(self, scribbles: Scribbles) -> Scribbles:
        """Not too many of a class; which ones does not depend on the others."""
        rank = mixed(scribbles.indices, self._seed)
        kept = np.zeros(len(scribbles), bool)
        for value in scribbles.counts:
            own = np.flatnonzero(scribbles.values == value)
            kept[own[np.argsort(rank[own], kind="stable")[:MOST_ROWS]]] = True
        return scribbles.subset(kept)

    def _look_at(self, chosen: Scribbles) -> Generator[None, None, None]:
        """Compute channels at and around labeled voxels that are new."""
        new = self._around.missing(chosen.indices)
        if not len(new):
            return
        fresh = chosen.subset(np.isin(chosen.indices, new))
        strokes = fresh.strokes()
        groups = [flat_pieces(stroke.voxels) for stroke in strokes]
        if len(strokes) > FEW_STROKES:
            # The surroundings of a piece cost more than itself: share them.
            groups = [flat_pieces(fresh.voxels, SHARED_BOX)]
        for piece in chain.from_iterable(groups):
            self._remember(piece)
            yield

    def _remember(self, voxels: np.ndarray) -> None:
        low, high = voxels.min(0), voxels.max(0) + 1
        core = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        frame = frame_at(self._image, core)
        box = with_halo(core, self._context.reach, frame).read
        tile = with_halo(box, self._bank.reach, frame)
        channels, axis = self._channels(tile)
        origin = np.array([part.start for part in box])
        at = tuple((voxels - origin).T)
        places = voxels[:, None, :] + self._context.offsets(axis[:, *at])
        ends = [part.stop - 1 for part in frame]
        places = np.clip(places, [part.start for part in frame], ends)
        around = np.ravel_multi_index(tuple(np.moveaxis(places, 2, 0)), self._shape)
        own = np.ravel_multi_index(tuple(voxels.T), self._shape)
        wanted = np.unique(around)
        inside = np.stack(np.unravel_index(wanted, self._shape)) - origin[:, None]
        self._rows.add(wanted, channels[:, *inside].T)
        self._around.add(own, around)

    def _channels(self, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
        gray = torch.from_numpy(self._intensity.apply(self._image[tile.read]))
        gray = gray[None] if gray.ndim == len(self._shape) else gray.movedim(-1, 0)
        with torch.inference_mode():
            found = self._bank(gray.to(self._device), tile.surround)
        return found[0].cpu().numpy(), found[1].cpu().numpy()

    def _first_answers(
        self,
        first: Forest,
        seen: np.ndarray,
        indices: np.ndarray,
        around: np.ndarray,
    ) -> np.ndarray:
        """What the first stage says around labeled voxels: out of bag where it can."""
        places, inverse = np.unique(around, return_inverse=True)
        answers = first.probabilities(self._rows.at(places), range(len(first.nodes)))
        at = np.searchsorted(places, indices)
        answers[at] = seen
        return answers[inverse.reshape(around.shape)]

    def _fit(
        self,
        rows: np.ndarray,
        classes: np.ndarray,
        weights: np.ndarray,
        known: Examples | None,
    ) -> LinearModel | None:
        given = _with_known(rows, classes, weights, known)
        share = SHARE[len(self._shape)] * self._correcting
        if share == 0 or len(np.unique(given[1])) < 2:
            return None
        return fit_linear(*given, known=self._classes, share=share)

    def _grow(
        self,
        rows: np.ndarray,
        classes: np.ndarray,
        weights: np.ndarray,
        stage: int,
        known: Examples | None,
    ) -> tuple[Forest, np.ndarray]:
        """A stage, and its probabilities ``(n, class)`` of the rows out of bag."""
        words, count = np.random.SeedSequence([self._seed, stage]), len(rows)
        rows, classes, weights = _with_known(rows, classes, weights, known)
        grown = grow_trees(
            rows,
            classes,
            weights,
            trees=TREES,
            leaf=LEAF,
            bag=BAG[len(self._shape)],
            seed=int(words.generate_state(1)[0]),
        )
        forest = Forest.from_trees(grown.trees, grown.classes, self._classes)
        return forest, self._out_of_bag(grown, classes)[:count]

    def _out_of_bag(self, grown: Grown, classes: np.ndarray) -> np.ndarray:
        """With few labels some voxel is in the bag of every tree."""
        found = np.zeros((len(classes), self._classes), np.float32)
        found[:, grown.classes] = grown.out_of_bag
        shares = np.bincount(classes, minlength=self._classes) / len(classes)
        known = found.sum(1) > 0.5
        return np.where(known[:, None], found, shares).astype(np.float32)


def _untrained(like: dict[str, Any], classes: int) -> TwoStageForest:
    """Two stages of a node each, to ask for their shapes."""
    from napari_sciml.networks.trees.filter_bank import FilterBank

    bank = FilterBank(like["dims"], spacing=like["spacing"], inputs=like["inputs"])
    context = Context(bank, classes, like["spacing"])
    sizes = (bank.channels, bank.channels + context.channels)
    stages = (Forest([1] * GROUPS, features=n, classes=classes) for n in sizes)
    return TwoStageForest(*stages, **like)


def _with_known(
    rows: np.ndarray, classes: np.ndarray, weights: np.ndarray, known: Examples | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labeled voxels, and those of other images that have the same columns."""
    if known is None:
        return rows, classes, weights
    more = known.for_columns(rows.shape[1])
    return (
        np.concatenate([rows, more[0]]),
        np.concatenate([classes, more[1]]),
        np.concatenate([weights, more[2]]),
    )


def _all(own: Examples, known: Examples | None) -> Examples:
    """What can be learned from once more; what has no context cannot."""
    if known is None or known.context.shape[1] != own.context.shape[1]:
        return own
    return own.with_(known)


def _weights(scribbles: Scribbles, chosen: Scribbles) -> np.ndarray:
    """Weights by which the classes count as often as they were painted."""
    painted, kept = scribbles.counts, chosen.counts
    times = np.zeros(256)
    for value, count in kept.items():
        times[value] = painted[value] / count
    return times[chosen.values]
