"""Find, read and copy projects beside a living GUI."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.strokes import strokes_of
from napari_sciml.errors import InputError
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify
from napari_sciml.project.lock import is_locked
from napari_sciml.project.places import projects_elsewhere, projects_of

NAP = 0.05
SETTLING_SECONDS = 120.0


@dataclass(frozen=True)
class Offer:
    """What can be recovered.

    Attributes
    ----------
    project
        Where it is.
    strokes, models
        How many there are.
    time
        Of the last stroke.
    """

    project: Project
    strokes: int
    models: int
    time: datetime | None


@dataclass(frozen=True)
class ProjectsFound:
    """Projects of an image.

    Attributes
    ----------
    offers
        Those that hold strokes or models, the newest first.
    elsewhere
        Folders of those that a viewer has open; maybe the one that asks.
    """

    offers: tuple[Offer, ...]
    elsewhere: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ProjectRead:
    """All of a project that a viewer shows.

    Attributes
    ----------
    project
        Where it is.
    labels
        All labeled voxels, as a change of an empty annotation.
    history
        Its models with their pictures; their networks are still on the disk.
    last_run
        Number of the last training; 0 = none.
    before
        Strokes that were painted before any picture was shown; None = not known.
    image
        Index of the layer that the project belongs to; None = none does.
    data
        The image, where there is no such layer.
    """

    project: Project
    labels: LabelChange
    history: tuple[Checkpoint, ...]
    last_run: int
    before: int | None
    image: int | None = None
    data: Any = None


@dataclass(frozen=True)
class ProjectCopied:
    """A copy is there."""

    path: Path


def find_projects(
    data: Any, facts: Mapping[str, Any], free: Callable[[], bool]
) -> Generator[ProjectsFound | None, None, None]:
    """Look for what was painted on an image before.

    Parameters
    ----------
    data
        The image.
    facts
        Keywords of `identify`.
    free
        Whether the projects that this viewer wrote before are closed.
    """
    while not free():
        time.sleep(NAP)
        yield None
    identity = identify(data, **facts)
    yield None
    offers = []
    for project in projects_of(identity):
        yield None
        try:
            offer = offer_of(project)
        except InputError:
            continue
        if offer.strokes or offer.models:
            offers.append(offer)
    elsewhere = tuple(p.folder for p in projects_elsewhere(identity))
    yield ProjectsFound(tuple(offers), elsewhere)


def read_project(
    folder: Path, images: Sequence[Any] = ()
) -> Generator[ProjectRead | None, None, None]:
    """Read a project, and find or open its image.

    Parameters
    ----------
    folder
        Of the project.
    images
        Arrays of the layers that are there.

    Raises
    ------
    InputError
        When the project or its image cannot be read.
    """
    project = Project.open(folder)
    if is_locked(folder):
        raise InputError(
            f"{folder} is open in another viewer: close it there, or save a copy."
        )
    known = project.description.image
    fits = None
    for number, data in enumerate(images):
        yield None
        same_shape = tuple(data.shape) == known.shape
        if same_shape and identify(data, name="").is_same(known):
            fits = number
            break
    image = project.open_image() if fits is None else None
    yield None
    runs = project.runs()
    last = max(runs, default=0)
    yield ProjectRead(
        project,
        _labeled(project),
        tuple(replace(c, thumbnail=c.picture()) for c in project.models.entries()),
        last,
        strokes_before(project, runs[last].started.before if runs else None),
        fits,
        image,
    )


def strokes_before(project: Project, by_training: int | None) -> int | None:
    """Give how many strokes came before a picture; None = all of them.

    Parameters
    ----------
    project
        What was told last, by a file of labels, stands in its description.
    by_training
        What its last training said; holds where nothing else was told.
    """
    told = project.description.strokes_before
    if told == "all":
        return None
    return by_training if told is None else told


def copy_project(
    folder: Path, target: Path, settled: Callable[[], bool]
) -> Generator[ProjectCopied | None, None, None]:
    """Copy a project once all of it is on the disk.

    Parameters
    ----------
    folder, target
        Of the project and of the copy.
    settled
        Whether nothing waits to be written. What does not come in time is left out.

    Raises
    ------
    InputError
        When the target cannot be written.
    """
    end = time.monotonic() + SETTLING_SECONDS
    while not settled() and time.monotonic() < end:
        time.sleep(NAP)
        yield None
    yield ProjectCopied(Project.open(folder).copy_to(target))


def offer_of(project: Project) -> Offer:
    """Count what a project holds.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    labels = _labeled(project)
    voxels = np.unravel_index(labels.indices, project.description.labels_shape)
    return Offer(
        project,
        len(strokes_of(np.stack(voxels, axis=1), labels.values)),
        len(project.models.entries()),
        project.strokes().time,
    )


def _labeled(project: Project) -> LabelChange:
    reading = project.strokes()
    labels = reading.scribbles(project.description.labels_shape)
    return LabelChange(reading.revision, labels.indices, labels.values)
