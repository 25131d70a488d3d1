"""Which classes nobody can tell yet whether they are found, in plain words."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sciml.plugin.state.model import Model

NOT_FOUND = 0.35
"""Below such a Dice on held-out strokes a class is not found."""
FEW = 8
"""Held-out strokes of a class below which its score may be chance."""
POOR = 0.5
"""Below such a Dice on held-out strokes a class is found, but poorly."""
ERROR = 0.1
"""Mean error of the Dice that is expected; see `uncertainty.expectation`."""
VERDICTS = ((0.9, "very good"), (0.75, "good"), (POOR, "fair"), (0.0, "poor"))
"""Words for a Dice, from so much on."""


def unknown_classes(model: "Model | None") -> tuple[str, ...]:
    """Classes that nobody can tell yet whether the model finds.

    There are too few strokes of them, or it does not find them in those kept aside. Of
    a loaded model, what its file says.
    """
    if model is None:
        return ()
    names = model.ensemble.class_names
    if model.revision is None or model.loaded is not None:
        expected = (model.loaded or {}).get("expected_dice")
        return () if expected is None else tuple(n for n in names if n not in expected)
    return tuple(name for i, name in enumerate(names) if not _is_known(model, i))


def not_known(names: Sequence[str]) -> str:
    """What to do about classes that are not known: "fiber: not known yet, paint …"."""
    them = "it" if len(names) == 1 else "each"
    return f"{', '.join(names)}: not known yet, paint a few more strokes of {them}."


def caution(model: "Model | None", name: str) -> str:
    """What to say before a mask of a class is believed; empty where all is well."""
    if name not in unknown_classes(model):
        return ""
    return (
        f"Whether {name} is found right is not known yet: paint a few more strokes of "
        "it before you rely on this."
    )


def is_poor(model: "Model | None", name: str) -> bool:
    """Whether a class is found in the strokes kept aside, but poorly."""
    names = () if model is None else model.ensemble.class_names
    if model is None or model.scores is None or name not in names:
        return False
    return bool(model.scores.dice[names.index(name)] < POOR)


def quality(model: "Model | None", name: str) -> str:
    """How good the model is at a class: in words, a number, and how sure that is.

    Parameters
    ----------
    model
        The one at hand.
    name
        Of the class.
    """
    names = () if model is None else model.ensemble.class_names
    if model is None or name not in names:
        return ""
    if model.scores is None or not isfinite(model.scores.dice[names.index(name)]):
        return _untested(model, name)
    scores, index = model.scores, names.index(name)
    dice = scores.dice[index]
    if name in unknown_classes(model) and dice >= NOT_FOUND:
        return ""  # `caution` says why the number means nothing
    told = f"{name.capitalize()}: {_verdict(dice)} on your strokes, Dice {dice:.2f}"
    interval = scores.intervals[index] if scores.intervals else None
    if interval is not None:
        told += f" (95 %: {interval[0]:.2f} to {interval[1]:.2f})"
    strokes = scores.strokes[index] if scores.strokes else 0
    if 0 < strokes < FEW:
        plural = "" if strokes == 1 else "s"
        told += f", but only {strokes} held-out stroke{plural} of it can tell"
    return f"{told}.{_in_the_image(model, index)}"


def _in_the_image(model: "Model", index: int) -> str:
    """Strokes are where a person is sure; the rest of the image is harder.

    So what is expected there is no more than on strokes kept aside. Where it is, nobody
    knows which of the two is wrong: on data of others it was now this one, now that.
    """
    calibration = model.calibration
    expected = nan if calibration is None else calibration.expected_dice[index]
    if not isfinite(expected):
        return ""
    found = nan if model.scores is None else model.scores.dice[index]
    if expected > found + ERROR:
        return (
            f" In the whole image about {expected:.2f} is expected, but your strokes "
            "do not bear that out."
        )
    return f" In the whole image about {expected:.2f} is expected."


def _untested(model: "Model", name: str) -> str:
    if model.revision is None or model.loaded is not None:
        return f"How well this model finds {name} here is not known: paint to see."
    return f"How well {name} is found is not known: no stroke of it could be held out."


def _verdict(dice: float) -> str:
    return next(word for least, word in VERDICTS if dice >= least)


def _is_known(model: "Model", index: int) -> bool:
    """What is expected in the image decides, unless held-out strokes contradict it.

    Where nothing was to be expected when it was looked at, strokes painted since may
    have changed that: it would be wrong to ask for more and more of them.
    """
    found = model.scores.dice[index] if model.scores is not None else nan
    if found < NOT_FOUND:
        return False
    calibration = model.calibration
    expected = nan if calibration is None else calibration.expected_dice[index]
    newest = calibration is not None and model.judged in (None, model.revision)
    return isfinite(expected) or (isfinite(found) and not newest)
