"""How a training went, for its plot."""

from dataclasses import dataclass, field

MOST_POINTS = 4000
"""Of a curve; every other one is dropped beyond."""


@dataclass
class Curves:
    """How a training goes.

    Attributes
    ----------
    training, held_out
        Loss in nats, against seconds.
    dice
        Of each class on held-out strokes, against seconds.
    learned
        The same, against the number of strokes that were learned from: the last
        figures for each number.
    """

    training: list[tuple[float, float]] = field(default_factory=list)
    held_out: list[tuple[float, float]] = field(default_factory=list)
    dice: list[tuple[float, tuple[float, ...]]] = field(default_factory=list)
    learned: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def add_step(self, seconds: float, loss: float) -> None:
        """A step more; old ones become sparser."""
        self.training.append((seconds, loss))
        if len(self.training) > MOST_POINTS:
            del self.training[: MOST_POINTS // 2 : 2]

    def add_scores(
        self, seconds: float, loss: float, dice: tuple[float, ...], strokes: int = 0
    ) -> None:
        """A model more that was measured on the held-out strokes.

        Parameters
        ----------
        seconds
            Since the training began.
        loss, dice
            On the held-out strokes.
        strokes
            That it has learned from.
        """
        self.held_out.append((seconds, loss))
        self.dice.append((seconds, dice))
        self.learned[strokes] = dice
