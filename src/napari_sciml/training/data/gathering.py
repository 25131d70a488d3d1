"""Several images with their labels, as one image with its labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles, as_scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.contrast import check_contrast
from napari_sciml.images.mosaic import Mosaic

Labels = np.ndarray | Scribbles


def gathered(image: Any, labels: Any = None) -> tuple[Any, Labels]:
    """Give an image and its labels, or those of several as a mosaic.

    Parameters
    ----------
    image
        Array-like, or a list of them; or a list of pairs of an image and its labels.
    labels
        Of the image, or a list of those of each image.

    Raises
    ------
    InputError
        When the images do not go together, or labels do not fit their image.
    """
    if not isinstance(image, (list, tuple)):
        if labels is None:
            raise InputError("Give the labels of the image, too.")
        return image, labels
    images, annotations = _lists(image, labels)
    if len(images) == 1:
        return images[0], annotations[0]
    mosaic = Mosaic(images)
    return mosaic, gathered_labels(mosaic, annotations)


def gathered_labels(mosaic: Mosaic, labels: Sequence[Labels]) -> Scribbles:
    """Put the labels of all images of a mosaic into its space.

    Parameters
    ----------
    mosaic
        The images.
    labels
        Of each, of its shape.
    """
    indices, values = [], []
    for number, (part, own) in enumerate(zip(mosaic.parts, labels, strict=True)):
        if tuple(own.shape) != part.shape:
            raise InputError(
                f"Image and labels must have the same shape, but number {number + 1} "
                f"has an image of {part.shape} and labels of {tuple(own.shape)}."
            )
        scribbles = as_scribbles(own)
        indices.append(mosaic.to_space(number, scribbles.indices))
        values.append(scribbles.values)
    return Scribbles(mosaic.shape, np.concatenate(indices), np.concatenate(values))


def labels_by_image(image: Any, labels: Scribbles) -> list[tuple[Any, Scribbles]]:
    """Give each image with its own labels; of a plain array, itself with all."""
    if not isinstance(image, Mosaic):
        return [(image, labels)]
    numbers = image.numbers_of(labels.indices)
    found = []
    for number, part in enumerate(image.parts):
        own = labels.subset(numbers == number)
        indices = image.to_image(number, own.indices)
        found.append((part.image, Scribbles(part.shape, indices, own.values)))
    return found


def check_contrasts(image: Any, labels: Scribbles) -> None:
    """Make sure that there is something to see round the labels of each image.

    Raises
    ------
    InputError
        As `napari_sciml.images.contrast.check_contrast`; of several images it tells
        the number.
    """
    for number, (one, own) in enumerate(labels_by_image(image, labels)):
        if not len(own):
            continue
        try:
            check_contrast(one, own.indices, own.values)
        except InputError as error:
            if one is image:
                raise
            raise InputError(f"Image {number + 1}: {error}") from error


def _lists(images: Sequence[Any], labels: Any) -> tuple[list[Any], list[Any]]:
    if labels is None:
        if not all(isinstance(one, tuple) and len(one) == 2 for one in images):
            raise InputError(
                "Give several images as pairs of an image and its labels, or the "
                "labels of all as a second list."
            )
        images, labels = zip(*images, strict=True) if images else ((), ())
    if not isinstance(labels, (list, tuple)) or len(labels) != len(images):
        raise InputError(
            f"There are {len(images)} images: give as many labels, one for each."
        )
    if not images:
        raise InputError("Give at least one image.")
    return list(images), list(labels)
