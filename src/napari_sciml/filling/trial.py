"""Test recipes on gaps that were moved to where the truth is known."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.filling.frame import Frame
from napari_sciml.filling.hidden import hidden_gaps
from napari_sciml.filling.methods import Filler, Found, Recipe
from napari_sciml.filling.place import Place
from napari_sciml.filling.scores import (
    Calibration,
    Scores,
    Squares,
    ceiling,
    coverage,
    squares,
)

ALIKE = 1.05
"""Times the lowest cost, up to which recipes do about as well."""
CHOOSING = 2
"""Trials of a frame that a recipe is chosen by."""


class Trial:
    """A frame of which more is hidden.

    Parameters
    ----------
    frame
        The frame.
    hidden
        What is hidden, ``(y, x)``; its truth is known.
    """

    def __init__(self, frame: Frame, hidden: np.ndarray) -> None:
        self.frame, self.hidden = frame, hidden
        self._filler = Filler(frame, frame.known & ~hidden, hidden)

    def fill(self, recipe: Recipe) -> Generator[None, None, Found]:
        """Fill what is hidden."""
        return self._filler.fill(recipe)

    def squares(self, values: np.ndarray, spread: np.ndarray | None = None) -> Squares:
        """Compare means over squares."""
        parts = [None if part is None else self._put(part) for part in (values, spread)]
        filled = parts[0]
        assert filled is not None
        return squares(self.frame.image, filled, self.hidden, parts[1])

    def place(self, values: np.ndarray) -> Place:
        """Compare all."""
        frame = self.frame
        return Place.of(frame.image, self._put(values), self.hidden, frame.grid.radius)

    def _put(self, values: np.ndarray) -> np.ndarray:
        image = np.zeros_like(self.frame.image)
        image[self.hidden] = values
        return image


@dataclass(frozen=True)
class Tested:
    """What a test found of a recipe.

    Attributes
    ----------
    places
        What it made in each trial.
    held
        Share of the squares within one and two standard deviations, in the last place
        by what all others tell; see `coverage`.
    calibration
        How far filled values are off.
    """

    places: list[Place]
    held: Scores
    calibration: Calibration


def make_trials(frame: Frame, pattern: np.ndarray) -> list[Trial]:
    """Hide a pattern in several places of a frame; see `hidden_gaps`."""
    places = hidden_gaps(pattern, frame.known, frame.center)
    return [Trial(frame, hidden) for hidden in places]


def choose(
    recipes: Sequence[Recipe], trials: Sequence[Sequence[Trial]]
) -> Generator[None, None, Recipe]:
    """Give the recipe that does best in the first `CHOOSING` trials of each frame.

    Of several that do about as well, it is one that smooths bright spots least: that
    hardly changes single errors, but loses or gains photons.
    """
    costs = []
    for recipe in recipes:
        cost = 0.0
        for trial in (one for of_frame in trials for one in of_frame[:CHOOSING]):
            values, *_ = yield from trial.fill(recipe)
            cost += trial.squares(values).cost
            yield
        costs.append(cost)
    pairs = zip(costs, recipes, strict=True)
    good = [(cost, one) for cost, one in pairs if cost <= ALIKE * min(costs)]
    return min(good, key=lambda pair: (_smoothing(pair[1]), pair[0]))[1]


def _smoothing(recipe: Recipe) -> float:
    """Photons that are averaged; networks may look as far as they like."""
    return np.inf if recipe.rule is None else recipe.rule.photons


def judge(
    recipe: Recipe, trials: Sequence[Sequence[Trial]]
) -> Generator[None, None, Tested]:
    """See how far a recipe is off.

    Whether deviations hold is told by the last trial, from which nothing was learned;
    the calibration that is used learns from all.
    """
    places = []
    for trial in (one for of_frame in trials for one in of_frame):
        values, *_ = yield from trial.fill(recipe)
        places.append(trial.place(values))
        yield
    held: Scores = {}
    every = [place.squares for place in places]
    if len(places) > 1:
        spread = Calibration(every[:-1]).spread(values)
        held = {**coverage(trial.squares(values, spread))}
    return Tested(places, held, Calibration(every))


def ceiling_of(frame: Frame, other: np.ndarray, pattern: np.ndarray) -> float | None:
    """Highest correlation that shot noise allows in the trials of a frame."""
    places = hidden_gaps(pattern, frame.known, frame.center)
    hidden = np.any(places, axis=0) & np.isfinite(other)
    return ceiling(frame.image[hidden], other[hidden])
