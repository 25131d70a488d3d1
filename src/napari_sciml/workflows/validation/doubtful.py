"""Find strokes that models which never saw them get wrong: label errors, often."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.workflows.validation.others import ask_others, strokes_of
from napari_sciml.workflows.validation.record import suspicious

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.labels import Pieces


@dataclass(frozen=True)
class DoubtfulStroke:
    """A stroke that others speak against.

    Attributes
    ----------
    place
        A voxel of it, near its middle.
    painted, said
        Class as it is painted, and as a model without it says.
    sure
        Mean probability of what the model says, on the stroke.
    """

    place: tuple[int, ...]
    painted: str
    said: str
    sure: float


@dataclass(frozen=True)
class StrokesChecked:
    """All strokes were asked about, and these are doubtful, the surest ones first."""

    strokes: int
    doubtful: tuple[DoubtfulStroke, ...]


def check_strokes(
    image: Any,
    labels: Scribbles,
    class_names: Sequence[str],
    *,
    dims: Literal[2, 3] | None = None,
    before: int | None = None,
    device: str = "auto",
) -> Generator[float | StrokesChecked | None, None, StrokesChecked]:
    """Train a few small ensembles, each without some strokes, and ask about these.

    Parameters
    ----------
    image, labels, class_names, dims, before, device
        As of `napari_sciml.workflows.validation.others.ask_others`.

    Yields
    ------
    float, None or StrokesChecked
        The share that is done, None as a chance to stop, and at last the result.

    Raises
    ------
    InputError
        When there are too few strokes, or one class only.
    """
    pieces = yield from ask_others(
        image, labels, class_names, dims=dims, before=before, device=device
    )
    found = [_doubtful(pieces, number, class_names) for number in suspicious(pieces)]
    result = StrokesChecked(len(labels.strokes()), _once_a_stroke(found, labels))
    yield result
    return result


def _doubtful(pieces: "Pieces", number: int, names: Sequence[str]) -> DoubtfulStroke:
    said = pieces.said[number] / max(1, pieces.voxels[number])
    likeliest = int(np.argmax(said))
    return DoubtfulStroke(
        tuple(int(n) for n in pieces.places[number]),
        names[pieces.labels[number]],
        names[likeliest],
        float(said[likeliest]),
    )


def _once_a_stroke(
    found: Sequence[DoubtfulStroke], labels: Scribbles
) -> tuple[DoubtfulStroke, ...]:
    """The first of each stroke, as folds have cut long ones into pieces."""
    if not found:
        return ()
    numbers = strokes_of(np.array([one.place for one in found]), labels)
    first = np.sort(np.unique(numbers, return_index=True)[1])
    return tuple(found[index] for index in first)
