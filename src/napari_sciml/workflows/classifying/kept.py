"""Classes in the folder of an exploration: examples, what was sorted, and the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.exploring.result import Explored
from napari_sciml.io.models.image_classes import save_image_classes
from napari_sciml.workflows.classifying.tables import (
    patch_examples,
    read_table,
    write_examples,
    write_points,
)

if TYPE_CHECKING:
    from napari_sciml.workflows.classifying.patches import SortedPatches

EXAMPLES, SORTED, MODEL = "examples.csv", "classes.csv", "classifier"


def write_classes(
    folder: Path,
    explored: Explored,
    images: Sequence[str],
    examples: Mapping[str, np.ndarray],
    found: "SortedPatches | None",
) -> None:
    """Write which points are examples of what, and what all are sorted into.

    Parameters
    ----------
    folder
        Of an exploration that is being written.
    explored
        The exploration.
    images
        Name of the image of each point.
    examples, found
        Points by class; and the classes of all, None where none are sorted.
    """
    write_examples(folder / EXAMPLES, examples)
    if found is None:
        return
    write_points(folder / SORTED, explored, images, found.model.names, found.found)
    if found.of is not None:
        from napari_sciml.classification.described import ClassModel

        save_image_classes(ClassModel(found.model, found.of), folder / MODEL)


def read_examples(folder: Path, count: int) -> dict[str, np.ndarray]:
    """Read the examples in a folder of ``count`` points; empty where there are none.

    Raises
    ------
    InputError
        When the table is damaged.
    """
    path = folder / EXAMPLES
    return patch_examples(read_table(path), count) if path.exists() else {}
