"""What a rating says, in plain words."""

from typing import Any

import numpy as np

from napari_sciml.focus.rating.result import FocusResult

Array = np.ndarray[Any, np.dtype[Any]]
NOTHING = "Undetermined: nothing to see in this image."


def verdict(result: FocusResult, *, planes: str = "plane") -> str:
    """Tell a person how much is in focus, or which plane is the best.

    Parameters
    ----------
    result
        Of an image or a stack.
    planes
        What the first axis of a stack counts: "plane" or "frame".
    """
    if result.blank.all():
        return NOTHING if result.level.ndim == 2 else f"{NOTHING[:-6]}stack."
    if result.level.ndim == 2:
        return f"In focus: {_share(result, ())}.{_blanks(result)}"
    best = result.best_plane()
    assert best.index is not None
    return (
        f"Best {planes}: {best.index} of {len(best.curve)} (the first is 0). "
        f"In focus there: {_share(result, (best.index,))}."
    )


def _share(result: FocusResult, place: tuple[int, ...]) -> str:
    seen = ~result.blank[place]
    inside = (result.p_in_focus[place] >= 0.5) & seen
    percent = 100 * inside.sum() / max(seen.sum(), 1)
    return f"{percent:.0f} % of informative tiles"


def _blanks(result: FocusResult) -> str:
    blank = int(result.blank.sum())
    if not blank:
        return ""
    tell = "tells" if blank == 1 else "tell"
    return f" {blank:,} of {result.blank.size:,} tiles {tell} nothing."
