"""How well classes are told apart, by examples that were held out, and in words."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_sciml.training.evaluation.metrics import Report, report

CONFIDENCE = 0.95
WIDEST = 0.35
"""Width of an interval from which on it tells nothing."""
UNJUDGED = -1


@dataclass(frozen=True)
class HeldOutScore:
    """How well examples were told apart by trees that had not seen their like.

    Attributes
    ----------
    figures
        Of the examples that could be judged; a "voxel" is an image or a patch.
    groups
        Of how many groups they are: examples of one group count as one.
    examples
        How many there are, judged or not.
    names
        Of the classes.
    """

    figures: Report
    groups: int
    examples: int
    names: tuple[str, ...]

    @property
    def judged(self) -> int:
        """How many could be judged."""
        return self.figures.voxels

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of the share that is right, at 95 %; None where nothing was judged.

        References
        ----------
        Wilson, J. Am. Stat. Assoc. 22 (1927) 209. Examples of one group may all be
        right or wrong together, so that groups are counted as if each were one.
        """
        if not self.judged:
            return None
        from scipy.stats import norm

        share, n = self.figures.accuracy, self.groups
        z = float(norm.ppf((1 + CONFIDENCE) / 2))
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + (z / 2 / n) ** 2)
        return max(0.0, float(middle - half)), min(1.0, float(middle + half))

    @property
    def tells(self) -> bool:
        """Whether the interval is narrow enough to say anything."""
        found = self.interval
        if found is None or self.unjudged:
            return False
        return found[1] - found[0] <= WIDEST

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Classes of which no example could be judged."""
        counts = self.figures.confusion.sum(1)
        told = zip(self.names, counts, strict=True)
        return tuple(name for name, count in told if not count)

    @property
    def guessing(self) -> float:
        """Share that is right if one always says what most examples are."""
        counts = self.figures.confusion.sum(1)
        return float(counts.max() / max(1, counts.sum()))

    @property
    def sentence(self) -> str:
        """Tell a person."""
        found = self.interval
        if found is None:
            return (
                "Too few examples to tell how good this is: give some of each class "
                "from several places."
            )
        if self.unjudged:
            return (
                f"How good this is cannot be told: all examples of "
                f"'{self.unjudged[0]}' lie together; give some from other places."
            )
        right = int(np.trace(self.figures.confusion))
        low, high = (f"{100 * share:.0f}" for share in found)
        told = (
            f"{right} of {self.judged} held-out examples are right "
            f"({self.figures.accuracy:.0%}; 95% interval {low} to {high}%)"
        )
        if not self.tells:
            return f"{told}: too few examples to tell how good this is."
        if found[0] <= self.guessing:
            return f"{told}: not surely better than always saying the commonest class."
        return f"{told}."


def judge(
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
    names: tuple[str, ...],
) -> HeldOutScore:
    """Judge what was said of held-out examples.

    Parameters
    ----------
    probabilities
        ``(n, class)``; rows of NaN could not be judged.
    classes, groups
        ``(n,)`` class index, and number of what it belongs to.
    names
        Of the classes.
    """
    known = np.isfinite(probabilities).all(1)
    return HeldOutScore(
        report(probabilities[known], classes[known]),
        len(np.unique(groups[known])),
        len(classes),
        names,
    )
