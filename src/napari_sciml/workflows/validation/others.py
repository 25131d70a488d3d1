"""Ask small models about strokes that they have not seen."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.progress import map_progress
from napari_sciml.training.config import TrainingConfig

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.labels import Pieces

FOLDS = 5
LEAST = 4
"""Strokes with which a check begins to mean something."""
SECONDS = 8.0
"""Of each of the trainings: enough for trees and a first idea of the networks."""
MEMBERS = 2


def ask_others(
    image: Any,
    labels: Scribbles,
    class_names: Sequence[str],
    *,
    dims: Literal[2, 3] | None = None,
    before: int | None = None,
    device: str = "auto",
) -> Generator[float | None, None, "Pieces"]:
    """Train a few small ensembles, each without some strokes, and ask about these.

    Parameters
    ----------
    image
        Array-like of gray values, ``(y, x)`` or ``(z, y, x)``.
    labels
        Annotation of it.
    class_names
        In order of the labels.
    dims
        2 = look at each slice of a volume by itself; None = as many as the image has.
    before
        Strokes that were painted before a prediction was shown; None = all.
    device
        "auto", "cpu", "cuda" or "mps".

    Yields
    ------
    float or None
        The share that is done, or a chance to stop.

    Returns
    -------
    Pieces
        What was said about each stroke; long ones are in pieces.

    Raises
    ------
    InputError
        When there are too few strokes, or one class only.
    """
    from napari_sciml.networks.device import default_threads, use_threads
    from napari_sciml.training.cross_validation import cross_check
    from napari_sciml.training.evaluation.labels import join

    strokes = len(labels.strokes())
    if strokes < LEAST:
        raise InputError(
            f"A check needs {LEAST} strokes at least, and there are {strokes}: paint "
            "some more of each class."
        )
    threads = default_threads(viewer=True)
    use_threads(threads)
    config = TrainingConfig(
        members=MEMBERS,
        seconds=SECONDS,
        dims=dims,
        before=before,
        device=device,
        threads=threads,
    )
    steps = cross_check(
        image, labels, config, folds=min(FOLDS, strokes), class_names=class_names
    )
    checked = yield from map_progress(steps, _share)
    return join([one.pieces for one in checked])


def strokes_of(places: np.ndarray, labels: Scribbles) -> np.ndarray:
    """Numbers of the strokes that voxels ``(n, ndim)`` are of, as folds cut long ones.

    Parameters
    ----------
    places
        Of labeled voxels.
    labels
        All of them.
    """
    flat = np.ravel_multi_index(tuple(np.asarray(places).T), labels.shape)
    return labels.stroke_numbers[np.searchsorted(labels.indices, flat)]


def _share(step: Any) -> float | None:
    return None if step is None else float(getattr(step, "fraction", step))
