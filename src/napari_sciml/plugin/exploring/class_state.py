"""Examples of classes, and what was sorted by them: what a step changes."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.workflows.classifying.patches import SortedPatches

CHANGED = 'The examples have changed since: press "Classify" again.'


@dataclass(frozen=True, eq=False)
class ClassState:
    """What is known of classes at a time.

    Attributes
    ----------
    examples
        Numbers of the points that are examples, by class.
    found
        What was sorted; None before.
    of
        The examples that it was learned from.
    """

    examples: dict[str, np.ndarray] = field(default_factory=dict)
    found: "SortedPatches | None" = None
    of: dict[str, np.ndarray] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the classes, as colors are given: those with examples, then others."""
        others = () if self.found is None else self.found.model.names
        return tuple(dict.fromkeys([*self.examples, *others]))

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """Number of the class of each point in `names`; None where none is sorted."""
        if self.found is None:
            return None
        own = np.array([self.names.index(name) for name in self.found.model.names])
        return own[self.found.found.best]

    @property
    def words(self) -> str:
        """How good it is, and what to know of it."""
        if self.found is None:
            return ""
        old = self.found.learned and self.of is not self.examples
        return f"{CHANGED} {self.found.sentence}" if old else self.found.sentence

    def told_of(self, index: int) -> str:
        """What is said of a point, in a few signs."""
        if self.found is None:
            return ""
        found = self.found.found
        return (
            f"{self.found.model.names[found.best[index]]} {found.certainty[index]:.2f}"
        )

    def of_class(self, name: str) -> np.ndarray:
        """Numbers of the points that are sorted into a class."""
        numbers = self.numbers
        if numbers is None or name not in self.names:
            return np.zeros(0, np.intp)
        return np.flatnonzero(numbers == self.names.index(name))
