"""Judge a model by labels that it was not trained on."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.tiles import grid
from napari_sciml.progress import exhaust, map_progress

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.evaluation.figures import Intervals
    from napari_sciml.training.evaluation.labels import Pieces
    from napari_sciml.training.evaluation.metrics import Report

MOST = 2_000_000
"""Labeled voxels that are asked about; of more, some blocks from all over the image."""
EDGE = 32
"""Of such a block, in voxels."""
LARGE = 0.5
"""Of an image: if so much is labeled, the labels themselves tell the shares."""
SAMPLING = 0.1
"""Of the work, that the shares of the classes in the image take."""


@dataclass(frozen=True)
class Validation:
    """How a model does on labels.

    Attributes
    ----------
    class_names
        Of the model.
    pieces
        What it says about each stroke.
    report
        Scores, at the model's own cut.
    intervals
        How far other strokes of the same kind may move them.
    left_out
        Labeled voxels that were not asked about, as there are very many.
    """

    class_names: tuple[str, ...]
    pieces: "Pieces"
    report: "Report"
    intervals: "Intervals"
    left_out: int = 0


def validate(
    model: "Ensemble",
    image: Any,
    labels: np.ndarray | Scribbles,
    *,
    device: str = "auto",
) -> Validation:
    """Judge a model by labels that it was not trained on.

    Parameters
    ----------
    model
        Trained ensemble.
    image
        Array-like of raw gray values; what is round the labels is read.
    labels
        Of the image's shape: 0 = not annotated, 1, 2 … = the classes of the model.
    device
        "auto", "cpu", "cuda" or "mps".

    Returns
    -------
    Validation
        Strokes are no fair sample of an image: their scores are told at the shares of
        the classes that the model finds in the image. Dense labels count as they are.

    Raises
    ------
    InputError
        When model, image and labels do not fit together, or nothing is labeled.
    """
    return exhaust(validating(model, image, labels, device=device))


def validating(
    model: "Ensemble",
    image: Any,
    labels: np.ndarray | Scribbles,
    *,
    device: str = "auto",
) -> Generator[float, None, Validation]:
    """Do what `validate` does, in steps; yields the share that is done."""
    from napari_sciml.networks.device import resolve_device
    from napari_sciml.training.evaluation.figures import intervals_of, report_of
    from napari_sciml.training.evaluation.labels import evaluate_labels

    given = _checked(model, image, labels)
    kept = thinned(given, MOST)
    model = model.to(resolve_device(device)).eval().for_image(image)
    asked = evaluate_labels(model, image, kept)
    pieces = yield from map_progress(asked, lambda share: (1 - SAMPLING) * share)
    prior = None
    if not pieces.dense and len(given) < LARGE * math.prod(given.shape):
        prior = yield from _shares(model, image)
    return Validation(
        model.class_names,
        pieces,
        report_of(pieces, prior),
        intervals_of(pieces, prior),
        len(given) - len(kept),
    )


def thinned(labels: Scribbles, most: int, *, seed: int = 0) -> Scribbles:
    """Keep the labels in some blocks from all over the image, where there are many.

    Parameters
    ----------
    labels
        Annotation.
    most
        Voxels that are kept, about.
    seed
        Chooses the blocks.
    """
    if len(labels) <= most:
        return labels
    regions = grid(labels.shape, EDGE)
    kept, count = [], 0
    for index in np.random.default_rng(seed).permutation(len(regions)):
        found = labels.positions_in(regions[index])
        kept.append(found)
        count += len(found)
        if count >= most:
            break
    return labels.subset(np.sort(np.concatenate(kept)))


def _shares(model: "Ensemble", image: Any) -> Generator[float, None, Sequence[float]]:
    """Shares of the image that are likeliest of each class; of a class none is 0."""
    from napari_sciml.training.data.image_sample import ImageSample

    asked = ImageSample(image, seed=0).members(model)
    members, weights = yield from map_progress(asked, lambda _: 1 - SAMPLING)
    chosen = np.average(members, axis=0, weights=weights).argmax(1)
    counts = np.bincount(chosen, minlength=members.shape[2])
    return tuple(float(n) for n in np.maximum(counts / len(chosen), 1e-6))


def _checked(
    model: "Ensemble", image: Any, labels: np.ndarray | Scribbles
) -> Scribbles:
    from napari_sciml.training.setup import checked_labels

    if len(image.shape) != model.dims:
        raise InputError(
            f"The model was trained on {model.dims}D images, but this one has "
            f"{len(image.shape)} axes: choose another image, or train anew."
        )
    model.check_channels(image)
    return checked_labels(image, labels, model.class_names)
