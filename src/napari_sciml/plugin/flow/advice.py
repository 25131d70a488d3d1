"""What to do next, from what is there: the words of the Workflow dock."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """The steps from an image to lengths, named as their docks."""

    ANNOTATE = "Annotate"
    TRAIN = "Train"
    UNCERTAINTY = "Uncertainty"
    FIBERS = "Fibers"


@dataclass(frozen=True)
class Facts:
    """What there is in a viewer.

    Attributes
    ----------
    image
        Whether there is an image to work on.
    annotating
        Whether it has an annotation.
    missing
        Classes without a stroke.
    strokes
        How many there are.
    training
        Whether the training is switched on.
    settled
        Whether it has learned all it can from the strokes so far.
    model
        Whether there is one.
    behind
        Whether it has not seen all strokes.
    unknown
        Classes that nobody can tell yet whether it finds.
    target
        The class that is kept and measured.
    share
        Of the image that is predicted, 0 to 1.
    kept
        Whether there is a mask of what is sure.
    measured
        Whether the fibers in a mask of the image are measured.
    outdated
        Whether the mask has changed since.
    drops_most
        Whether most of that mask is in no fiber.
    poor
        Whether the class that is kept is found poorly in the held-out strokes.
    """

    image: bool = False
    annotating: bool = False
    missing: Sequence[str] = ()
    strokes: int = 0
    training: bool = False
    settled: bool = False
    model: bool = False
    behind: bool = False
    unknown: Sequence[str] = ()
    target: str = "fiber"
    share: float = 0.0
    kept: bool = False
    measured: bool = False
    outdated: bool = False
    drops_most: bool = False
    poor: bool = False

    @property
    def painted(self) -> bool:
        """Whether there is something to learn from."""
        return self.annotating and bool(self.strokes) and not self.missing


@dataclass(frozen=True)
class Advice:
    """The next step, and what to do in it."""

    step: Step
    sentence: str


def advise(facts: Facts) -> Advice:
    """Say what to do next."""
    return _first_model(facts) or _better_model(facts) or _use(facts)


def done_steps(facts: Facts) -> frozenset[Step]:
    """Steps that need no more for the next ones."""
    done = {
        Step.ANNOTATE: facts.painted,
        Step.TRAIN: facts.model and facts.target not in facts.unknown,
        Step.UNCERTAINTY: facts.kept,
        Step.FIBERS: facts.measured and not facts.outdated,
    }
    return frozenset(step for step, is_done in done.items() if is_done)


def _first_model(facts: Facts) -> Advice | None:
    if not facts.image:
        return Advice(
            Step.ANNOTATE, "Open an image: File \N{RIGHTWARDS ARROW} Open, or a sample."
        )
    if facts.model:
        return None
    if not facts.annotating:
        return Advice(Step.ANNOTATE, "Press Start annotating to get a brush.")
    if not facts.painted:
        classes = " and ".join(facts.missing[-2:]) or "each class"
        return Advice(Step.ANNOTATE, f"Paint a few short strokes of {classes}.")
    if facts.training:
        return Advice(Step.TRAIN, "Wait some seconds for the first picture.")
    return Advice(
        Step.TRAIN,
        f"Press Train: it learns from your {_strokes(facts.strokes)}, and from new "
        "ones while you paint.",
    )


def _better_model(facts: Facts) -> Advice | None:
    if facts.training and facts.behind:
        return Advice(Step.TRAIN, "Wait a moment: your last stroke is being learned.")
    if facts.target in facts.unknown:
        return Advice(
            Step.ANNOTATE,
            f"Paint more strokes of {' and '.join(facts.unknown)}, along what is fine "
            f"and faint, too: whether {facts.target} is found is not known yet.",
        )
    if facts.behind and not facts.painted and not facts.training:
        return Advice(
            Step.ANNOTATE,
            "Press Start annotating to teach it this image, too: it has learned from "
            "another one. Or press Predict in the step Train.",
        )
    if facts.behind and not facts.training:
        return Advice(Step.TRAIN, "Press Train: you have painted since.")
    if facts.training and not facts.settled:
        return Advice(
            Step.UNCERTAINTY,
            "Paint where the picture is wrong, or wait if nothing is; Show me where to "
            "label next leads to doubtful places.",
        )
    return None


def _use(facts: Facts) -> Advice:
    if facts.share < 1:
        if facts.training:
            return Advice(Step.TRAIN, "Wait until the whole image is predicted.")
        return Advice(Step.TRAIN, "Press Predict for the whole image.")
    if not facts.kept and facts.poor:
        return Advice(
            Step.UNCERTAINTY,
            f"Paint where the picture is wrong: {facts.target} is found poorly in "
            "strokes kept aside. Or keep what is sure all the same.",
        )
    if not facts.kept:
        return Advice(Step.UNCERTAINTY, f"Keep what is sure to be {facts.target}.")
    if not facts.measured:
        return Advice(Step.FIBERS, "Press Measure fibers: lengths and directions.")
    if facts.outdated:
        return Advice(
            Step.FIBERS, "Press Measure fibers again: the mask has changed since."
        )
    if facts.drops_most:
        return Advice(
            Step.FIBERS,
            "Most of the mask is in no fiber: lower Drop under and measure again, or "
            "export what is left.",
        )
    return Advice(Step.FIBERS, "Read the lengths, look at single fibers, and export.")


def _strokes(count: int) -> str:
    return f"{count:,} stroke" + ("" if count == 1 else "s")
