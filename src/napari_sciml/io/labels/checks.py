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
THE_IMAGE = (
    "The labels in {} are the image itself, voxel by voxel: give a file with the "
    "labels, 0 = not annotated and 1, 2 … = the classes."
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
    found: Sequence[tuple[Path, Mapping[int, int]]], names: Sequence[str] | None
) -> tuple[dict[int, int], tuple[str, ...]]:
    """Count the voxels of each class in all files, and name it.

    Parameters
    ----------
    found
        Each file of labels, with the voxels of each value in it; 0 = not annotated.
    names
        Of the classes 1, 2 …; where there are None, the usual ones, and numbers for a
        few classes more.

    Raises
    ------
    InputError
        When a label has no name, or there is only one class.
    """
    known = tuple(DEFAULT_CLASSES if names is None else names)
    highest = max((max(values, default=0) for _, values in found), default=0)
    if names is None and len(known) < highest <= UNNAMED:
        named = (*known, *(f"class {n}" for n in range(len(known) + 1, highest + 1)))
        counts = _counts(found, named)
        if len(counts) == highest:
            return counts, named
    counts = _counts(found, known)
    if len(counts) == 1 and any(values.get(0) for _, values in found):
        raise InputError(
            f"{_of(found)} hold {list_values(counts)} and otherwise 0, not annotated: "
            "paint at least two classes, or say that 0 is one, like "
            f"--map {_with_zero(next(iter(counts)))}."
        )
    check_counts(counts)
    return counts, known


def classes_missing(
    files: Sequence[Path],
    counts: Mapping[int, int],
    names: Sequence[str],
    *,
    unnamed: bool,
) -> tuple[str, ...]:
    """Tell which classes have no name, or hardly any label in all files.

    Parameters
    ----------
    files
        Of the labels, for sentences.
    counts, names
        As `name_classes` gives them.
    unnamed
        Whether nobody has named the classes.
    """
    numbered = names[len(DEFAULT_CLASSES) :] if unnamed else ()
    listed_files = ", ".join(map(str, files))
    return (
        *(UNNAMED_CLASSES.format(listed_files, len(names)) for _ in numbered[:1]),
        *missing_classes(counts, names, f"The labels in {listed_files}"),
    )


def label_cautions(
    image: Any, indices: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> tuple[str, ...]:
    """What a person should know of labels before he trusts what is learned of them.

    Parameters
    ----------
    image
        Array-like.
    indices, classes
        Flat places of the labeled voxels, ascending, and their labels.
    names
        Of the classes 1, 2 …

    Raises
    ------
    InputError
        When there is nothing to learn.
    """
    if not len(indices):
        return ()
    check_contrast(image, indices, classes)
    return contrast_cautions(image, indices, classes, names)


def _counts(
    found: Sequence[tuple[Path, Mapping[int, int]]], names: Sequence[str]
) -> dict[int, int]:
    total: dict[int, int] = {}
    for path, values in found:
        what = f"The labels in {path}"
        for label, count in check_classes(values, names, what, advice=NAME_ALL).items():
            total[label] = total.get(label, 0) + count
    return dict(sorted(total.items()))


def _of(found: Sequence[tuple[Path, Mapping[int, int]]]) -> str:
    return f"The labels in {', '.join(str(path) for path, _ in found)}"


def _with_zero(label: int) -> str:
    return f"0:1,{label}:2"


def is_same(image: Any, annotation: np.ndarray) -> bool:
    """Tell whether labels are the gray values of their image, voxel by voxel."""
    if channels_of(image) > 1:
        return False
    start = 0
    for slab in slabs(image):
        if not np.array_equal(slab, annotation[start : start + len(slab)]):
            return False
        start += len(slab)
    return True
