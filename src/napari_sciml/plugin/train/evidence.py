"""Which classes nobody can tell yet whether they are found, in plain words."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sciml.plugin.state.model import Model

NOT_FOUND = 0.35
"""Below such a Dice on held-out strokes a class is not found."""


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


def _is_known(model: "Model", index: int) -> bool:
    """What is expected in the image decides, unless held-out strokes contradict it."""
    found = model.scores.dice[index] if model.scores is not None else nan
    if found < NOT_FOUND:
        return False
    calibration = model.calibration
    return isfinite(found if calibration is None else calibration.expected_dice[index])
