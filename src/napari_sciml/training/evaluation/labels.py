"""What a model says about labels, stroke by stroke."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from napari_sciml.annotation.blocks import number_blocks
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.annotation.strokes import positions_by_number
from napari_sciml.images.tiles import Region
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.progress import map_progress
from napari_sciml.training.data.image_sample import ask_members, member_weights
from napari_sciml.training.evaluation.metrics import BINS, FLOOR

CELL = {2: 96, 3: 32}
"""Edge of the boxes in which labels are asked about, in voxels."""
BLOCK = 32
"""Edge of a block whose labels go together where there are no strokes, in voxels."""
REGION = {2: 20_000, 3: 4000}
"""Voxels that one painted stroke rarely has."""


@dataclass(frozen=True)
class Pieces:
    """Sums over the voxels of each stroke, from which all scores follow.

    Where labels are dense, what is in a block, of one class, takes the place of a
    stroke.

    Attributes
    ----------
    labels, voxels
        ``(u,)`` class index and number of voxels of each.
    clusters
        ``(u,)``: pieces of one number depend on each other.
    places
        ``(u, ndim)``: one of the voxels, near the middle.
    chosen
        ``(u, class)``: voxels in which each class is the likeliest.
    said
        ``(u, class)``: sum of the probabilities.
    brier, surprise
        ``(u,)``: sums of the Brier score and of the negative log likelihood.
    bins
        ``(u, 3, bin)``: voxels, sum of the confidence, and right ones, by the
        confidence in the likeliest class; see
        `napari_sciml.training.evaluation.metrics.Report`.
    opposed
        ``(u,)``: share of the members, by weight, that put most of it elsewhere.
    dense
        Whether blocks take the place of strokes.
    """

    labels: np.ndarray
    voxels: np.ndarray
    clusters: np.ndarray
    places: np.ndarray
    chosen: np.ndarray
    said: np.ndarray
    brier: np.ndarray
    surprise: np.ndarray
    bins: np.ndarray
    opposed: np.ndarray
    dense: bool

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def right(self) -> np.ndarray:
        """Share of the voxels of each that the model puts into its class, ``(u,)``."""
        rows = np.arange(len(self))
        return self.chosen[rows, self.labels] / np.maximum(1, self.voxels)

    @property
    def own(self) -> np.ndarray:
        """Mean probability of its own class, ``(u,)``."""
        return self.said[np.arange(len(self)), self.labels] / np.maximum(1, self.voxels)

    def wrong(self) -> np.ndarray:
        """Numbers of those that are mostly wrong, the surest mistakes first."""
        found = np.flatnonzero(self.right < 0.5)
        return found[np.argsort(self.own[found], kind="stable")]


def evaluate_labels(
    ensemble: Ensemble, image: Any, labels: Scribbles
) -> Generator[float, None, Pieces]:
    """Ask a model about labels, at its own cut; only what is round them is read.

    Parameters
    ----------
    ensemble
        The model.
    image
        Array-like of raw gray values.
    labels
        Of the image's shape, and no more classes than the model has.

    Yields
    ------
    float
        Share that is done, often.
    """
    numbers, clusters, dense = _pieces(labels)
    groups = positions_by_number(number_blocks(labels.voxels, CELL[ensemble.dims]))
    weights = member_weights(ensemble)
    sums = _Sums(labels, numbers, len(ensemble.class_names), weights)
    for done, group in enumerate(groups):
        core = _box(labels.voxels[group])
        asked = ask_members(ensemble, image, core)
        answers = yield from map_progress(asked, _always(done / len(groups)))
        sums.add(group, answers[:, _inside(core, labels.voxels[group])])
    return sums.pieces(clusters, dense)


def _always(share: float) -> Callable[[None], float]:
    return lambda _: share


def join(parts: Sequence[Pieces]) -> Pieces:
    """Make one of what several models said about labels of their own."""
    offsets = np.cumsum([0, *(part.clusters.max(initial=-1) + 1 for part in parts)])
    rows = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Pieces)
        if field.name not in ("clusters", "dense")
    }
    return Pieces(
        **rows,
        clusters=np.concatenate(
            [p.clusters + o for p, o in zip(parts, offsets[:-1], strict=True)]
        ),
        dense=any(part.dense for part in parts),
    )


def _pieces(labels: Scribbles) -> tuple[np.ndarray, np.ndarray, bool]:
    """Piece of each voxel, cluster of each piece, and whether the labels are dense."""
    strokes = labels.strokes()
    sizes = np.array([len(stroke) for stroke in strokes])
    if sizes[sizes > REGION[labels.ndim]].sum() <= len(labels) / 2:
        return labels.stroke_numbers, np.arange(len(strokes)), False
    block = number_blocks(labels.voxels, BLOCK)
    pairs = np.stack([block, labels.values.astype(block.dtype)], 1)
    found, numbers = np.unique(pairs, axis=0, return_inverse=True)
    return numbers.reshape(-1), found[:, 0], True


def _box(voxels: np.ndarray) -> Region:
    low, high = voxels.min(0).tolist(), (voxels.max(0) + 1).tolist()
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _inside(core: Region, voxels: np.ndarray) -> np.ndarray:
    """Flat places of voxels in a box."""
    shape = [part.stop - part.start for part in core]
    places = (voxels - [part.start for part in core]).T
    return np.ravel_multi_index(tuple(places), shape)


class _Sums:
    """Adds up what is said of each piece."""

    def __init__(
        self, labels: Scribbles, numbers: np.ndarray, classes: int, weights: np.ndarray
    ) -> None:
        count = int(numbers.max(initial=-1)) + 1
        self._labels, self._numbers, self._weights = labels, numbers, weights
        self.chosen = np.zeros((count, classes), np.int64)
        self.said = np.zeros((count, classes))
        self.brier, self.surprise = np.zeros(count), np.zeros(count)
        self.bins = np.zeros((count, 3, BINS))
        self.against = np.zeros((count, len(weights)), np.int64)

    def add(self, group: np.ndarray, members: np.ndarray) -> None:
        """Take in what members say ``(member, n, class)`` about some of the voxels."""
        numbers = self._numbers[group]
        truth = self._labels.values[group].astype(np.int64) - 1
        rows = np.average(members, axis=0, weights=self._weights).astype(np.float64)
        true, likeliest = rows[np.arange(len(rows)), truth], rows.argmax(1)
        np.add.at(self.chosen, (numbers, likeliest), 1)
        np.add.at(self.said, numbers, rows)
        np.add.at(self.brier, numbers, (rows**2).sum(1) - 2 * true + 1)
        np.add.at(self.surprise, numbers, -np.log(np.maximum(true, FLOOR)))
        sure = rows.max(1)
        place = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)
        for row, values in enumerate((np.ones(len(rows)), sure, likeliest == truth)):
            np.add.at(self.bins, (numbers, row, place), values)
        wrong = members.argmax(2) != truth
        for member, voxels in enumerate(wrong):
            np.add.at(self.against, (numbers, member), voxels)

    def pieces(self, clusters: np.ndarray, dense: bool) -> Pieces:
        groups = positions_by_number(self._numbers)
        voxels = [self._labels.voxels[group] for group in groups]
        sizes = np.array([len(group) for group in groups], np.int64)
        against = self.against > sizes[:, None] / 2
        first = np.array([group[0] for group in groups], np.int64)
        ndim = self._labels.ndim
        return Pieces(
            labels=self._labels.values[first].astype(np.int64) - 1,
            voxels=sizes,
            clusters=clusters,
            places=np.array([_middle(v) for v in voxels]).reshape(-1, ndim),
            chosen=self.chosen,
            said=self.said,
            brier=self.brier,
            surprise=self.surprise,
            bins=self.bins,
            opposed=against @ self._weights / self._weights.sum(),
            dense=dense,
        )


def _middle(voxels: np.ndarray) -> np.ndarray:
    """The voxel that is nearest to the middle."""
    distance = ((voxels - voxels.mean(0)) ** 2).sum(1)
    return np.asarray(voxels[distance.argmin()])
