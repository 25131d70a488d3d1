"""How a training went, for its plot."""

from dataclasses import dataclass, field

MOST_POINTS = 4000
"""Of a curve; every other one is dropped beyond."""


@dataclass
class Curves:
    """Against seconds: loss in nats, and Dice of each class on held-out strokes."""

    training: list[tuple[float, float]] = field(default_factory=list)
    held_out: list[tuple[float, float]] = field(default_factory=list)
    dice: list[tuple[float, tuple[float, ...]]] = field(default_factory=list)

    def add_step(self, seconds: float, loss: float) -> None:
        """A step more; old ones become sparser."""
        self.training.append((seconds, loss))
        if len(self.training) > MOST_POINTS:
            del self.training[: MOST_POINTS // 2 : 2]

    def add_scores(self, seconds: float, loss: float, dice: tuple[float, ...]) -> None:
        """A model more that was measured on the held-out strokes."""
        self.held_out.append((seconds, loss))
        self.dice.append((seconds, dice))
