"""Which channels a model goes by: they are exchanged between voxels.

References
----------
Breiman, "Random forests", Machine Learning 45 (2001) 5: permutation importance.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.explaining.lessons import Lessons
from napari_sciml.explaining.names import (
    Channel,
    kinds_of,
    network_channels,
    tree_channels,
)
from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.patches import ask_network, ask_patches, ask_trees

TOLD = 0.02
"""Probability that is hardly worth a word."""


@dataclass(frozen=True)
class Importance:
    """How much a channel matters.

    Attributes
    ----------
    name
        In plain words.
    drop
        By how much the probability of the right class falls where the channel is that
        of another voxel, mean over voxels of all classes.
    """

    name: str
    drop: float


@dataclass(frozen=True)
class ChannelReport:
    """Which channels the model goes by.

    Attributes
    ----------
    kinds
        Gray value, edges and shape, the most important first; all channels of a kind
        are exchanged together, as one can stand in for another.
    channels
        Single channels of the most important kind, the most important first.
    labeled
        Whether this is about labels; otherwise about what the model itself says of
        voxels round a place.
    """

    kinds: tuple[Importance, ...]
    channels: tuple[Importance, ...]
    labeled: bool

    @property
    def sentence(self) -> str:
        """Tell a person."""
        first, *others = self.kinds
        if first.drop < TOLD:
            return "No kind of channel matters much by itself."
        told = f"Mostly: {first.name}"
        if self.channels and self.channels[0].drop >= TOLD:
            told += f", most of all {self.channels[0].name}"
        hardly = [one.name for one in others if one.drop < TOLD]
        return f"{told}; {', '.join(hardly)} hardly." if hardly else f"{told}."


def ask_channels(
    panel: Panel, lessons: Lessons, seed: int
) -> Generator[None, None, ChannelReport]:
    """Find out which channels matter; yields often."""
    exam = _Exam(panel, lessons, seed)
    yield from exam.begin()
    kinds = []
    for kind in kinds_of(panel.ensemble):
        kinds.append((yield from exam.without(kind, "kind", kind)))
    kinds.sort(key=lambda one: -one.drop)
    singles = []
    for name in exam.names_of(kinds[0].name):
        singles.append((yield from exam.without(name, "name", name)))
    singles.sort(key=lambda one: -one.drop)
    return ChannelReport(tuple(kinds), tuple(singles), lessons.labeled)


class _Exam:
    """Asks the members about the same voxels, again and again."""

    def __init__(self, panel: Panel, lessons: Lessons, seed: int) -> None:
        self._panel, self._patches = panel, lessons.patches
        self._classes = lessons.classes[lessons.asked]
        self._order = np.random.default_rng(seed).permutation(len(self._patches))
        ensemble = panel.ensemble
        self._of_networks = network_channels(ensemble.front) if panel.networks else []
        forest = ensemble.forest
        self._of_trees = tree_channels(forest.bank) if panel.trees and forest else []
        self._answers = np.zeros((0, 0, 0))
        self._before = 0.0

    def names_of(self, kind: str) -> Iterable[str]:
        every = [*self._of_networks, *self._of_trees]
        return dict.fromkeys(one.name for one in every if one.kind == kind)

    def begin(self) -> Generator[None, None, None]:
        self._answers = yield from ask_patches(self._panel, self._patches)
        self._before = self._right(self._answers)

    def without(
        self, told: str, attribute: str, value: str
    ) -> Generator[None, None, Importance]:
        """Exchange the channels of a kind or of a name."""
        channels = _positions(self._of_networks, attribute, value)
        columns = _positions(self._of_trees, attribute, value)
        changed = self._patches.exchanged(self._order, channels, columns)
        answers = self._answers.copy()
        first = len(answers) - len(self._panel.networks)
        # Who does not see these channels answers as before.
        if columns:
            answers[:first] = ask_trees(self._panel, changed)
            yield
        if channels:
            for place, number in enumerate(self._panel.networks, start=first):
                answers[place] = yield from ask_network(self._panel, number, changed)
        return Importance(told, self._before - self._right(answers))

    def _right(self, answers: np.ndarray) -> float:
        """Probability of the right class, all classes alike."""
        shares = np.einsum("m,mnc->nc", self._panel.weights, np.exp(answers))
        own = shares[np.arange(len(shares)), self._classes]
        means = [own[self._classes == c].mean() for c in np.unique(self._classes)]
        return float(np.mean(means))


def _positions(channels: Sequence[Channel], attribute: str, value: str) -> list[int]:
    return [n for n, one in enumerate(channels) if getattr(one, attribute) == value]
