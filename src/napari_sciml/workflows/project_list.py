"""All projects that there are, for a list to choose from."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.project.folder import Project
from napari_sciml.project.lock import is_locked
from napari_sciml.project.places import projects_root
from napari_sciml.workflows.projects import offer_of


@dataclass(frozen=True)
class ProjectRow:
    """What a person knows a project by.

    Attributes
    ----------
    project
        Where it is.
    image
        Name of its image.
    strokes, models
        How many there are.
    time
        Of the last change.
    size
        Bytes on the disk.
    picture
        ``(h, w, 3)`` uint8 of the newest model that has one; None without.
    in_use
        Whether a viewer has it open.
    """

    project: Project
    image: str
    strokes: int
    models: int
    time: datetime
    size: int
    picture: np.ndarray | None
    in_use: bool


def list_projects(
    root: Path | None = None,
) -> Generator[ProjectRow | None, None, None]:
    """Look at each project in a folder, the newest first.

    Parameters
    ----------
    root
        The folder; where projects are made by default.

    Yields
    ------
    ProjectRow or None
        None as a chance to stop. What cannot be read is left out.
    """
    projects = []
    for folder in sorted((root or projects_root()).glob("*")):
        yield None
        try:
            projects.append(Project.open(folder))
        except InputError:
            continue
    projects.sort(key=lambda project: project.changed, reverse=True)
    for project in projects:
        yield None
        try:
            yield _row(project)
        except InputError:
            continue


def _row(project: Project) -> ProjectRow:
    offer, entries = offer_of(project), project.models.entries()
    pictures = (entry.picture() for entry in reversed(entries))
    return ProjectRow(
        project,
        project.description.image.name,
        offer.strokes,
        offer.models,
        offer.time or project.changed,
        _bytes_in(project.folder),
        next((one for one in pictures if one is not None), None),
        is_locked(project.folder),
    )


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # a viewer has just removed it
            continue
    return total
