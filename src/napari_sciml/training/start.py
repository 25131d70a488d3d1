"""Begin with what an earlier model knows, as far as the new strokes agree with it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale, is_far
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.protocol import Network
from napari_sciml.networks.trees.examples import Examples
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.trees import MOST_ROWS, TreeGrower

REMEMBERED = 3.0
"""Weight of all that a fitting model learned from, over that of the new strokes. On
pairs of phantoms that were in view, 1 to 10 give the same Dice within 0.02."""
DOUBTED = 1.0
"""The same where the strokes do not tell, or the gray values are far from those that
it knows: of what does not fit, that much costs little, and what fits helps nearly as
much."""
HELPS, HINDERS = 0.02, -0.02
"""Brier score that new strokes gain by it, mean over classes, from which on it helps,
and below which it hinders, if they agree on that (see `AGREED`). Where models fitted,
at least -0.011 was seen on pairs of phantoms, elsewhere mostly under -0.05."""
AGREED = -1.0
"""Mean gain of a stroke over its standard error: few strokes differ much in this."""
SURE = 0.01
"""More, before another opinion is taken: the picture must not flicker."""
GROWN = 1.25
"""Strokes, over those of the last time, from which on it is asked again."""


@dataclass(frozen=True)
class Start:
    """A model that a training begins with.

    Attributes
    ----------
    ensemble
        Trees and networks; its trees may have the `Examples` that they learned from.
    name
        What it is called in sentences.
    identity
        Hash of it.
    """

    ensemble: Ensemble
    name: str
    identity: str

    def check(self, dims: int, channels: int, config: TrainingConfig) -> None:
        """Make sure that a training can begin with it.

        Raises
        ------
        InputError
            Tells what does not go together.
        """
        front = self.ensemble.front
        spacing = config.spacing_for(dims)
        if (self.ensemble.dims, self.ensemble.intensity.channels) != (dims, channels):
            raise InputError(
                f"The model {self.name} is for {self.ensemble.dims}D images of "
                f"{_channels(self.ensemble.intensity.channels)}, but this one has "
                f"{dims} axes and {_channels(channels)}: start without it."
            )
        same = tuple(front.sigmas) == tuple(config.sigmas)
        if not same or (front.spacing or None) != (spacing or None):
            raise InputError(
                f"The model {self.name} looks at images with other scales (sigmas "
                f"{front.sigmas}, spacing {front.spacing}) than the settings say "
                f"({config.sigmas}, {spacing}): leave these settings out."
            )

    def scale_for(self, own: IntensityScale) -> IntensityScale:
        """Its scale of gray values, or that of the image if it is far from it."""
        scale = self.ensemble.intensity
        return own if is_far(scale, own) else scale

    def networks(self, count: int, class_names: Sequence[str]) -> list[Network]:
        """Copies of its networks, in turn; none where the classes are other ones."""
        own = self.ensemble.members
        if not own or self.ensemble.class_names != tuple(class_names):
            return []
        return [copy.deepcopy(own[number % len(own)]) for number in range(count)]

    def examples(self, class_names: Sequence[str]) -> Examples | None:
        """What its trees learned from, of classes that are known here."""
        forest = self.ensemble.forest
        kept = None if forest is None else forest.examples
        if kept is None:
            return None
        named = kept.named(self.ensemble.class_names, class_names)
        return named.at_most(MOST_ROWS) if len(named) else None


class StartEvaluator:
    """Finds out whether an earlier model helps on the strokes that there are.

    Parameters
    ----------
    known
        What it learned from.
    far
        Whether the gray values are far from those that it knows.
    seed
        Of the halves.

    Attributes
    ----------
    fits
        Whether it counts; None before the first time.
    """

    def __init__(self, known: Examples, *, far: bool, seed: int) -> None:
        self.known, self._far, self._seed = known, far, seed
        self.fits: bool | None = None
        self._weight = DOUBTED
        self._strokes = 0.0

    def evaluate(self, grower: TreeGrower, labels: Scribbles) -> None:
        """Look at the strokes, if there are clearly more or fewer than the last time.

        Parameters
        ----------
        grower
            Knows the channels of the labeled voxels.
        labels
            All of them: the model has seen none.
        """
        count = len(labels.strokes())
        if self._strokes / GROWN < count < self._strokes * GROWN:
            return
        self._strokes = count
        gain, agreement = self._gain(grower, labels)
        change = 0.0 if self.fits is None else SURE if self.fits is False else -SURE
        self.fits = gain > HINDERS + change or agreement > AGREED
        helps = gain > HELPS and not self._far
        self._weight = REMEMBERED if helps else DOUBTED

    def weighing(self, labels: Scribbles) -> Examples | None:
        """What trees learn from besides the strokes."""
        return self.known.weighing(self._weight * len(labels)) if self.fits else None

    def _gain(self, grower: TreeGrower, labels: Scribbles) -> tuple[float, float]:
        """Brier score that strokes gain which neither has seen, mean over classes.

        With it comes how far the strokes agree, in standard errors.
        """
        labels = labels.subset(grower.knows(labels.indices))
        part = _halves(labels, np.random.default_rng([self._seed, 13]))
        gains: list[tuple[int, float]] = []
        for half in (0, 1):
            learned, asked = labels.subset(part != half), labels.subset(part == half)
            if len(asked) and len(learned.counts) > 1:
                gains += self._gains(grower, learned, asked)
        if not gains:
            return self._alone(grower, labels)
        kinds, values = (np.array(column) for column in zip(*gains, strict=True))
        gain = float(np.mean([values[kinds == kind].mean() for kind in set(kinds)]))
        error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0
        return gain, gain / max(error, 1e-6)

    def _gains(
        self, grower: TreeGrower, learned: Scribbles, asked: Scribbles
    ) -> list[tuple[int, float]]:
        known = self.known.weighing(REMEMBERED * len(learned))
        without, with_ = (
            grower.first_stage_answers(learned, asked.indices, more)
            for more in (None, known)
        )
        gain = _errors(without, asked) - _errors(with_, asked)
        return [
            (int(asked.values[own][0]), float(gain[own].mean()))
            for own in _by_stroke(asked)
        ]

    def _alone(self, grower: TreeGrower, labels: Scribbles) -> tuple[float, float]:
        """Over chance: with a stroke of each class nothing can be held back."""
        nothing = labels.subset(np.zeros(len(labels), bool))
        told = grower.first_stage_answers(nothing, labels.indices, self.known)
        error = _errors(told, labels)
        chance = 1 - 1 / told.shape[1]
        means = [error[labels.values == label].mean() for label in labels.counts]
        gain = float(chance - np.mean(means))
        return gain, 9.0 if gain > 0 else -9.0


def verdict(name: str, fits: bool) -> str:
    """Say in words what the strokes think of a model to begin with."""
    if fits:
        return f"{name} fits these strokes: what it knows counts, and it goes on."
    return f"{name} does not fit these strokes: all is learned anew."


def _halves(labels: Scribbles, rng: np.random.Generator) -> np.ndarray:
    """0 or 1 for each voxel: the strokes of each class in two halves."""
    half = np.zeros(len(labels), np.intp)
    for label in labels.counts:
        own = labels.values == label
        numbers, position = np.unique(labels.stroke_numbers[own], return_inverse=True)
        turn = rng.permutation(len(numbers)) % 2
        half[own] = turn[position.reshape(-1)]
    return half


def _errors(told: np.ndarray, labels: Scribbles) -> np.ndarray:
    """Brier score of each voxel."""
    wanted = np.eye(told.shape[1])[labels.values.astype(np.intp) - 1]
    return np.asarray(((told - wanted) ** 2).sum(1))


def _by_stroke(labels: Scribbles) -> list[np.ndarray]:
    numbers = labels.stroke_numbers
    return [np.flatnonzero(numbers == number) for number in np.unique(numbers)]


def _channels(count: int) -> str:
    return "one channel" if count == 1 else f"{count} channels"
