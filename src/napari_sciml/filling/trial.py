"""Test recipes on gaps that were moved to where the truth is known."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sciml.filling.hidden import hidden_gaps
from napari_sciml.filling.methods import Filler, Found, Frame, Recipe
from napari_sciml.filling.scores import (
    Calibration,
    Squares,
    ceiling,
    coverage,
    score,
    squares,
)

ALIKE = 1.05
"""Times the lowest cost, up to which recipes do about as well."""

Scores = dict[str, float | None]


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

    def score(self, values: np.ndarray) -> Scores:
        """Compare all."""
        radius = self.frame.grid.radius
        return score(self.frame.image, self._put(values), self.hidden, radius)

    def _put(self, values: np.ndarray) -> np.ndarray:
        image = np.zeros_like(self.frame.image)
        image[self.hidden] = values
        return image


@dataclass(frozen=True)
class Tested:
    """What a test found of a recipe.

    Attributes
    ----------
    scores
        Means over the trials that nothing was chosen by.
    calibration
        How far filled values are off.
    """

    scores: Scores
    calibration: Calibration


def make_trials(frame: Frame, pattern: np.ndarray) -> list[Trial]:
    """Hide a pattern in several places of a frame; see `hidden_gaps`."""
    return [Trial(frame, hidden) for hidden in hidden_gaps(pattern, frame.known)]


def choose(
    recipes: Sequence[Recipe], trials: Sequence[Sequence[Trial]]
) -> Generator[None, None, Recipe]:
    """Give the recipe that does best in the first trial of each frame.

    Of several that do about as well, it is the one that averages least: wide means
    hardly change single errors, but lose or gain photons.
    """
    costs = []
    for recipe in recipes:
        cost = 0.0
        for of_frame in trials:
            values, *_ = yield from of_frame[0].fill(recipe)
            cost += of_frame[0].squares(values).cost
            yield
        costs.append(cost)
    pairs = zip(costs, recipes, strict=True)
    good = [(cost, one) for cost, one in pairs if cost <= ALIKE * min(costs)]
    return min(good, key=lambda pair: (_width(pair[1]), pair[0]))[1]


def _width(recipe: Recipe) -> float:
    """Pixels that are averaged; networks may look as far as they like."""
    return np.inf if recipe.rule is None else recipe.rule.pixels


def judge(
    recipe: Recipe, trials: Sequence[Sequence[Trial]]
) -> Generator[None, None, Tested]:
    """Score a recipe in the other trials, and see how far it is off.

    Whether deviations hold is told by the last trial, from which nothing was learned;
    the calibration that is used learns from all.
    """
    first: list[tuple[Trial, np.ndarray]] = []
    rest: list[tuple[Trial, np.ndarray]] = []
    for of_frame in trials:
        for trial in of_frame:
            values, *_ = yield from trial.fill(recipe)
            # The only trial of a frame has to do.
            held = trial is not of_frame[0] or len(of_frame) == 1
            (rest if held else first).append((trial, values))
            yield
    last = trials[-1][-1]
    others = [t.squares(v) for t, v in (*first, *rest) if t is not last]
    every = [t.squares(v) for t, v in (*first, *rest)]
    scores = _mean([trial.score(values) for trial, values in rest])
    if others:
        values = next(values for trial, values in rest if trial is last)
        spread = Calibration(others).spread(values)
        scores |= coverage(last.squares(values, spread))
    return Tested(scores, Calibration(every))


def ceiling_of(frame: Frame, other: np.ndarray, pattern: np.ndarray) -> float | None:
    """Highest correlation that shot noise allows in the trials of a frame."""
    hidden = np.any(hidden_gaps(pattern, frame.known), axis=0) & np.isfinite(other)
    return ceiling(frame.image[hidden], other[hidden])


def _mean(scores: Sequence[Scores]) -> Scores:
    found: Scores = {}
    for name in scores[0]:
        values = [one[name] for one in scores]
        known = [value for value in values if value is not None]
        found[name] = float(np.mean(known)) if known else None
    return found
