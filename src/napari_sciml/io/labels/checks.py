"""Whether files of labels can be trained on, and what their values mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of
from napari_sciml.images.checks import check_counts, slabs
from napari_sciml.images.contrast import check_contrast, contrast_cautions
from napari_sciml.images.label_values import list_values
from napari_sciml.io.atomic import resolved
from napari_sciml.io.images.label_classes import check_classes, missing_classes

UNNAMED = 8
"""Classes that may go without a name: more are hardly meant as classes."""
UNNAMED_CLASSES = (
    "The labels in {} hold {} classes, of which only two have a name here; name all of "
    "them with --classes, or leave some out with --ignore."
)
NAME_ALL = "name all classes with --classes"


def check_apart(image: Path, labels: Path) -> None:
    """Make sure that labels are not the file of their image.

    Raises
    ------
    InputError
        When they are.
    """
    if resolved(image) == resolved(labels):
        raise InputError(
            f"{image} was given as the image and as its labels: give a file with the "
            "labels, 0 = not annotated and 1, 2 … = the classes."
        )


def name_classes(
    annotation: np.ndarray, names: Sequence[str] | None, labels: Path
) -> tuple[dict[int, int], tuple[str, ...]]:
    """Count the voxels of each class, and name it.

    Parameters
    ----------
    annotation
        uint8; 0 = not annotated.
    names
        Of the classes 1, 2 …; where there are None, the usual ones, and numbers for a
        few classes more.
    labels
        File of the annotation, for sentences.

    Raises
    ------
    InputError
        When a label has no name, or there is only one class.
    """
    what = f"The labels in {labels}"
    known = tuple(DEFAULT_CLASSES if names is None else names)
    highest = int(annotation.max(initial=0))
    if names is None and len(known) < highest <= UNNAMED:
        named = (*known, *(f"class {n}" for n in range(len(known) + 1, highest + 1)))
        counts = check_classes(annotation, named, what, advice=NAME_ALL)
        if len(counts) == highest:
            return counts, named
    counts = check_classes(annotation, known, what, advice=NAME_ALL)
    if len(counts) == 1 and sum(counts.values()) < annotation.size:
        raise InputError(
            f"{what} hold {list_values(counts)} and otherwise 0, not annotated: paint "
            "at least two classes, or say that 0 is one, like "
            f"--map {_with_zero(next(iter(counts)))}."
        )
    check_counts(counts)
    return counts, known


def label_cautions(
    image: Any,
    annotation: np.ndarray,
    counts: Mapping[int, int],
    names: Sequence[str],
    labels: Path,
    *,
    unnamed: bool,
) -> tuple[str, ...]:
    """What a person should know of labels before he trusts what is learned of them.

    Parameters
    ----------
    image, annotation
        Of one shape.
    counts, names
        As `name_classes` gives them.
    labels
        File of the annotation, for sentences.
    unnamed
        Whether nobody has named the classes.

    Raises
    ------
    InputError
        When there is nothing to learn.
    """
    if _is_same(image, annotation):
        raise InputError(
            f"The labels in {labels} are the image itself, voxel by voxel: give a file "
            "with the labels, 0 = not annotated and 1, 2 … = the classes."
        )
    indices = np.flatnonzero(annotation)
    classes = annotation.reshape(-1)[indices]
    check_contrast(image, indices, classes)
    numbered = names[len(DEFAULT_CLASSES) :] if unnamed else ()
    return (
        *(UNNAMED_CLASSES.format(labels, len(names)) for _ in numbered[:1]),
        *missing_classes(counts, names, f"The labels in {labels}"),
        *contrast_cautions(image, indices, classes, names),
    )


def _with_zero(label: int) -> str:
    return f"0:1,{label}:2"


def _is_same(image: Any, annotation: np.ndarray) -> bool:
    if channels_of(image) > 1:
        return False
    start = 0
    for slab in slabs(image):
        if not np.array_equal(slab, annotation[start : start + len(slab)]):
            return False
        start += len(slab)
    return True
