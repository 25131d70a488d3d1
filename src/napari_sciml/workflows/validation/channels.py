"""Tell whether a further channel of an image helps a training."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.room import check_room
from napari_sciml.progress import map_progress
from napari_sciml.workflows.validation.others import ask_others, strokes_of

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.figures import Interval


@dataclass(frozen=True)
class ChannelsCompared:
    """How well models find strokes that they have not seen, with a channel and without.

    Attributes
    ----------
    both
        ``(2, …)`` float32: the image, and the further channel.
    alone, beside
        Mean Dice of the classes but the background, of the image alone and of both.
    interval
        95 % interval of the difference, with the same strokes for both; None where
        they differ nowhere. It knows the chance in the strokes, not that in the
        trainings.
    """

    both: np.ndarray
    alone: float
    beside: float
    interval: "Interval | None"

    @property
    def helps(self) -> bool:
        """Whether it helps on more than a few of the strokes."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def sentence(self) -> str:
        """Both figures, in words."""
        said = (
            "On strokes that models had not seen, Dice is "
            f"{self.beside:.2f} with it as a second channel, {self.alone:.2f} without"
        )
        if self.interval is None:
            return f"{said}."
        low, high = (round(end, 2) + 0.0 for end in self.interval)  # no minus zero
        return f"{said} (difference {low:+.2f} to {high:+.2f})."


def compare_channels(
    image: Any,
    further: np.ndarray,
    labels: Scribbles,
    class_names: Sequence[str],
    *,
    dims: Literal[2, 3] | None = None,
    before: int | None = None,
    device: str = "auto",
) -> Generator[float | ChannelsCompared | None, None, ChannelsCompared]:
    """Train small ensembles with a further channel and without, and ask about strokes.

    Parameters
    ----------
    image
        Array-like of gray values, ``(y, x)`` or ``(z, y, x)``, of one channel.
    further
        Of the same shape, such as a restored image.
    labels, class_names, dims, before, device
        As of `napari_sciml.workflows.validation.others.ask_others`.

    Yields
    ------
    float, None or ChannelsCompared
        The share that is done, None as a chance to stop, and at last the result.

    Raises
    ------
    InputError
        When the shapes differ, there are too few strokes of a class, or one class
        only.
    """
    from napari_sciml.training.evaluation.figures import ENOUGH, dice_gain, report_of
    from napari_sciml.training.evaluation.metrics import mean_known

    if tuple(image.shape) != tuple(further.shape):
        raise InputError(
            f"The channel has the shape {tuple(further.shape)}, but the image has "
            f"{tuple(image.shape)}."
        )
    _check_strokes(labels, class_names, ENOUGH)
    check_room((2, *image.shape), np.float32, "The image with a second channel")
    yield None
    both = np.stack([np.asarray(image[...], np.float32), further.astype(np.float32)])
    said = []
    for part, source in enumerate((both[0], ChannelImage(both, 0))):
        steps = ask_others(
            source, labels, class_names, dims=dims, before=before, device=device
        )
        said.append((yield from map_progress(steps, _half(part))))
    alone, beside = (mean_known(report_of(pieces).dice[1:]) for pieces in said)
    strokes = strokes_of(said[0].places, labels)
    _, interval = dice_gain(said[0], said[1], strokes)
    result = ChannelsCompared(both, alone, beside, interval)
    yield result
    return result


def _check_strokes(labels: Scribbles, names: Sequence[str], enough: int) -> None:
    painted = Counter(stroke.label for stroke in labels.strokes())
    for label, count in sorted(painted.items()):
        if count < enough:
            name = names[label - 1] if label <= len(names) else f"class {label}"
            raise InputError(
                f"Too few strokes to tell: there are {count} of {name}; paint {enough} "
                "of each class, or more."
            )


def _half(part: int) -> Callable[[float | None], float | None]:
    return lambda share: None if share is None else (part + share) / 2
