"""Sort what was explored beside a living GUI."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.image_classes import load_image_classes, save_image_classes
from napari_sciml.io.provenance import provenance
from napari_sciml.progress import map_progress

if TYPE_CHECKING:
    from napari_sciml.workflows.classifying.patches import Examples, SortedPatches


@dataclass(frozen=True, eq=False)
class PatchesSorted:
    """All points of an exploration have a class."""

    explored: Explored
    found: "SortedPatches"


@dataclass(frozen=True)
class ClassesWritten:
    """A table or a model is written."""

    path: Path


def sort_in_view(
    explored: Explored,
    examples: "Examples",
    images: Sequence[Any],
    coverage: float,
    rows: np.ndarray | None,
) -> Generator[ExploreStep | PatchesSorted, None, None]:
    """Sort from examples; parameters as of `sort_steps`."""
    yield ExploreStep(0.0, "sorting")
    # Torch is imported here and not by whoever opens a dock.
    from napari_sciml.workflows.classifying.patches import sort_steps

    seed = explored.config.seed
    steps = sort_steps(
        explored, examples, images, coverage=coverage, seed=seed, rows=rows
    )
    found = yield from map_progress(steps, lambda done: ExploreStep(done, "sorting"))
    yield PatchesSorted(explored, found)


def apply_in_view(
    explored: Explored, folder: Path, images: Sequence[Any], coverage: float
) -> Generator[ExploreStep | PatchesSorted, None, None]:
    """Sort by a model that was kept; parameters as of `apply_steps`."""
    yield ExploreStep(0.0, "sorting")
    from napari_sciml.workflows.classifying.patches import apply_steps

    model = load_image_classes(folder)
    steps = apply_steps(explored, model, images, coverage=coverage)
    found = yield from map_progress(steps, lambda done: ExploreStep(done, "sorting"))
    yield PatchesSorted(explored, found)


def write_table(
    explored: Explored, found: "SortedPatches", images: Sequence[str], out: Path
) -> Generator[ExploreStep | ClassesWritten, None, None]:
    """Write the table that the command writes."""
    yield ExploreStep(0.0, "writing")
    from napari_sciml.workflows.classifying.tables import write_points

    with atomic_path(out) as path:
        write_points(path, explored, images, found.model.names, found.found)
    yield ClassesWritten(out)


def keep_model(
    found: "SortedPatches", folder: Path, images: Sequence[str]
) -> Generator[ExploreStep | ClassesWritten, None, None]:
    """Keep what was learned as the folder of a model.

    Raises
    ------
    InputError
        When it cannot be used elsewhere.
    """
    yield ExploreStep(0.0, "writing")
    from napari_sciml.classification.described import ClassModel
    from napari_sciml.workflows.classifying.patches import check_kept

    of = check_kept(found.of)
    record = {"provenance": provenance(images=list(images)[:1])}
    save_image_classes(ClassModel(found.model, of), folder, record)
    yield ClassesWritten(folder)
