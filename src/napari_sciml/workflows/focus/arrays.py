"""Focus beside a living window: rate, train, load and write, as jobs."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.focus.config import FocusTrainingConfig

if TYPE_CHECKING:
    from napari_sciml.focus.model import FocusModel
    from napari_sciml.focus.rating.result import FocusResult

BATCH = 64
"""Tiles between two events: some 50 ms."""
EVERY = 0.1
"""Seconds between two events that tell of progress."""
SOON = 0.5
"""Seconds before a guess at the time that is left is worth anything."""


@dataclass(frozen=True)
class FocusProgress:
    """How far the job is.

    Attributes
    ----------
    text
        What it does, for the user.
    fraction
        Share that is done, 0 to 1.
    seconds_left
        A guess; None where there is none yet.
    """

    text: str
    fraction: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class FocusRated:
    """A rating, and the model that made it."""

    result: "FocusResult"
    model: "FocusModel"


@dataclass(frozen=True)
class FocusModelReady:
    """A model was loaded, or trained here."""

    model: "FocusModel"
    name: str


@dataclass(frozen=True)
class FocusWritten:
    """A rating or a model lies on the disk."""

    path: Path


def rate_focus(
    image: Any,
    model: "FocusModel | None" = None,
    *,
    tile: int,
    scale: tuple[float, float] | None = None,
    device: str = "auto",
) -> Generator[FocusProgress | FocusRated | None, None, None]:
    """Rate an image.

    Parameters
    ----------
    image
        ``(y, x)`` or ``(z, y, x)``, numpy or lazy.
    model
        The one that comes with the program by default.
    tile
        Edge of a tile, which is also the distance to the next one.
    scale
        Values for 0 and 1, where the model has to know.

    Yields
    ------
    FocusProgress, FocusRated or None
        None only to be stopped.
    """
    yield FocusProgress("Getting ready …")
    _leave_a_core()
    from napari_sciml.focus.model import pretrained
    from napari_sciml.focus.rating.rate import TilesRated

    model = model or pretrained()
    begun = told = time.monotonic()
    for event in model.rating_steps(
        image, tile=tile, stride=tile, scale=scale, batch=BATCH, device=device
    ):
        if not isinstance(event, TilesRated):
            yield FocusRated(event, model)
        elif time.monotonic() - told < EVERY:
            yield None
        else:
            told = time.monotonic()
            text = f"Rated {event.done:,} of {event.total:,} tiles."
            left = _left(told - begun, event.fraction)
            yield FocusProgress(text, event.fraction, left)


def train_own_focus(
    images: Sequence[Any], files: Sequence[Path], config: FocusTrainingConfig
) -> Generator[FocusProgress | FocusModelReady | None, None, None]:
    """Train a model on images in focus.

    Parameters
    ----------
    images
        ``(y, x)``, or ``(z, y, x)`` whose every plane is an image; numpy or lazy.
    files
        More of them.
    config
        Settings.
    """
    import numpy as np

    yield FocusProgress("Reading the images …")
    threads = _leave_a_core()
    from napari_sciml.focus.training.session import FocusTrained, train_focus
    from napari_sciml.workflows.focus.files import read_planes

    planes: list[Any] = []
    for image in images:
        places = [()] if image.ndim == 2 else [(z,) for z in range(image.shape[0])]
        for place in places:
            planes.append(np.asarray(image[place] if place else image))
            yield None
    for path in files:
        planes += read_planes(path)
        yield None
    config = config.model_copy(update={"threads": config.threads or threads})
    told = 0.0
    for event in train_focus(planes, config):
        if isinstance(event, FocusTrained):
            event.model.card["files"] = [path.name for path in files]
            yield FocusModelReady(event.model, _trained_name(event.model))
        elif time.monotonic() - told < EVERY:
            yield None
        else:
            told = time.monotonic()
            text = f"Training on {len(planes)} images: step {event.step:,}."
            left = _left(event.seconds, event.fraction)
            yield FocusProgress(text, event.fraction, left)


def load_focus_model(
    path: Path,
) -> Generator[FocusProgress | FocusModelReady, None, None]:
    """Load a model that was trained here, or the one of 2018."""
    yield FocusProgress(f"Loading {path.name} …")
    from napari_sciml.workflows.focus.files import open_focus_model

    model = open_focus_model(path)
    folder = path if path.is_dir() else path.parent
    name = "Yang et al. (2018)" if model.fixed_scale else folder.name
    yield FocusModelReady(model, name)


def write_focus(
    write: Callable[[Path], object], path: Path
) -> Generator[FocusProgress | FocusWritten, None, None]:
    """Write a rating or a model; it is there whole, or not at all."""
    yield FocusProgress(f"Writing {path.name} …")
    write(path)
    yield FocusWritten(path)


def _leave_a_core() -> int:
    """Torch works beside the viewer; threads that it uses."""
    from napari_sciml.networks.device import default_threads, use_threads

    threads = default_threads(viewer=True)
    use_threads(threads)
    return threads


def _left(seconds: float, fraction: float) -> float | None:
    if seconds < SOON or fraction <= 0:
        return None
    return seconds * (1 - fraction) / fraction


def _trained_name(model: "FocusModel") -> str:
    within = model.card.get("held_out", {}).get("within_one")
    known = "" if within is None else f", {100 * within:.0f} % within one level"
    return f"your own ({model.card['trained_on']}{known})"
