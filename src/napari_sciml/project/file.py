"""The file ``project.json``: which image, which classes, which settings."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_sciml.errors import InputError, one_line
from napari_sciml.io.provenance import json_text
from napari_sciml.json_files import UnreadableError, read_object
from napari_sciml.project.image_identity import ImageIdentity, Shape

FORMAT: Literal["napari-sciml project"] = "napari-sciml project"
VERSION = 1
PROJECT_FILE = "project.json"


class ClassEntry(BaseModel):
    """A class of the annotation."""

    model_config = ConfigDict(frozen=True)

    name: str
    color: str | None = Field(None, description="As #rrggbb; none = the usual one.")


class ProjectFile(BaseModel):
    """Everything about a project that is not painted or trained."""

    model_config = ConfigDict(frozen=True)

    format: Literal["napari-sciml project"] = FORMAT
    version: int = VERSION
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    image: ImageIdentity
    labels_shape: Shape = Field(description="Of the annotation.")
    classes: tuple[ClassEntry, ...] = Field(
        description="The label value of a class is its index plus one."
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="What the docks were set to."
    )
    strokes_before: int | Literal["all"] | None = Field(
        None,
        description="Strokes that were painted before a picture was shown; none = what "
        "the last training says.",
    )
    provenance: dict[str, Any] = Field(
        default_factory=dict, description="Software and machine that began it."
    )


def read_project_file(folder: Path) -> ProjectFile:
    """Read the description of a project.

    Raises
    ------
    InputError
        When the folder is no project, was written by a newer version, or the
        file is damaged.
    """
    content = _read_json(folder)
    if content.get("format") != FORMAT:
        raise InputError(f"{folder} is not a project that napari-sciml wrote.")
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            f"{folder} was written by a newer napari-sciml (project format {version}, "
            f"this one reads {VERSION}); upgrade napari-sciml."
        )
    try:
        return ProjectFile.model_validate(content)
    except ValidationError as error:
        raise _damaged(folder, one_line(error)) from error


def write_project_file(folder: Path, description: ProjectFile) -> None:
    """Write the description, whole or not at all.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    text = json_text(description, indent=2) + "\n"
    replace_file(folder / PROJECT_FILE, text.encode("utf-8"))


def replace_file(path: Path, content: bytes) -> None:
    """Put a file onto the disk, whole or not at all.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with open(fresh, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _read_json(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; choose the folder of a project.")
    try:
        return read_object(folder / PROJECT_FILE)
    except UnreadableError as error:
        if error.missing:
            raise InputError(
                f"{folder} is not a project: it has no {PROJECT_FILE}."
            ) from error
        raise _damaged(folder, error.reason) from error


def _damaged(folder: Path, reason: str) -> InputError:
    return InputError(
        f"{folder / PROJECT_FILE} is damaged ({reason.rstrip('.')}); take it from a "
        "copy of the project."
    )
