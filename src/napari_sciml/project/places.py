"""Where projects lie, and which of them belong to an image."""

import os
import re
import shutil
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from napari_sciml.errors import InputError
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import ImageIdentity
from napari_sciml.project.lock import is_locked

VARIABLE = "NAPARI_SCIML_PROJECTS"
"""Environment variable with another folder for projects."""
OLDER = "older"
SLUG_LENGTH = 40


def projects_root() -> Path:
    """The folder that projects are made in."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("napari-sciml", appauthor=False) / "projects"


def default_name(image: ImageIdentity) -> str:
    """Name of the folder: the image's name, and the beginning of its hash."""
    return f"{slug(image.name)}-{image.blocks_sha256[:8]}"


def slug(name: str) -> str:
    """A name that every file system takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    return "-".join(words)[:SLUG_LENGTH].strip("-") or "image"


def projects_of(image: ImageIdentity, root: Path | None = None) -> list[Project]:
    """Projects of an image that no viewer has open, the newest first.

    Those that cannot be read are left out. The name of the layer does not count.
    """
    found = [p for p in _all_of(image, root) if not is_locked(p.folder)]
    return sorted(found, key=lambda project: project.changed, reverse=True)


def projects_elsewhere(image: ImageIdentity, root: Path | None = None) -> list[Project]:
    """Projects of an image that a viewer has open, in this process or in another."""
    return [p for p in _all_of(image, root) if is_locked(p.folder)]


def _all_of(image: ImageIdentity, root: Path | None) -> list[Project]:
    root = root or projects_root()
    found = []
    for folder in sorted(root.glob(f"*-{image.blocks_sha256[:8]}*")):
        try:
            project = Project.open(folder)
        except InputError:
            continue
        if project.description.image.is_same(image):
            found.append(project)
    return found


def free_place(image: ImageIdentity, root: Path | None = None) -> Path:
    """A folder for a new project of an image; it does not exist yet."""
    root = root or projects_root()
    name = default_name(image)
    number = 1
    while (root / _numbered(name, number)).exists():
        number += 1
    return root / _numbered(name, number)


def set_aside(project: Project) -> Path:
    """Move a project into the folder ``older`` beside it; nothing is deleted.

    Raises
    ------
    InputError
        When it is open in another viewer.
    OSError
        When it cannot be moved.
    """
    project.lock()
    try:
        older = project.folder.parent / OLDER
        older.mkdir(exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
        name = f"{project.folder.name}-{stamp}"
        number = 1
        while (older / _numbered(name, number)).exists():
            number += 1
    finally:
        # Windows renames no folder that has an open file; the lock is one soon gone.
        project.unlock()
    return project.folder.rename(older / _numbered(name, number))


def rename(project: Project, name: str) -> Path:
    """Give the folder of a project another name.

    What tells whose image it is stays in it, or the project would not be found.

    Raises
    ------
    InputError
        When it is open in a viewer, or the name is taken or none.
    OSError
        When it cannot be renamed.
    """
    words = slug(name) if name.strip() else ""
    if not words:
        raise InputError("A project needs a name: write one.")
    image = project.description.image
    target = project.folder.parent / f"{words}-{image.blocks_sha256[:8]}"
    if target == project.folder:
        return target
    if target.exists():
        raise InputError(
            f"There is a project {target.name} already: take another name."
        )
    project.lock()
    # Windows renames no folder that has an open file; the lock is one soon gone.
    project.unlock()
    return project.folder.rename(target)


def delete(project: Project) -> None:
    """Remove a project from the disk.

    Raises
    ------
    InputError
        When it is open in a viewer.
    OSError
        When it cannot be removed.
    """
    project.lock()
    project.unlock()
    shutil.rmtree(project.folder)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
