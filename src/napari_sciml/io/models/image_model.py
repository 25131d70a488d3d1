"""A model that maps images to images, as the same kind of folder as an ensemble."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.files import (
    build,
    read_description,
    read_weights,
    serialize,
    write_model_files,
)
from napari_sciml.io.provenance import jsonable

if TYPE_CHECKING:
    from napari_sciml.networks.custom import OwnModules
    from napari_sciml.networks.image_model import ImageModel, Task

CLASSES = "image_classes"
"""Of trees, which have the task "classify", too, but are no networks."""


def save_image_model(model: "ImageModel", path: str | Path) -> None:
    """Write a model and its record, whole or not at all.

    Parameters
    ----------
    model
        On any device.
    path
        Folder to make; an older model there is replaced.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    weights = serialize(model)
    description = {
        "task": model.task,
        "image_model": model.description(),
        "record": jsonable(model.record),
    }
    with atomic_path(path) as folder:
        folder.mkdir()
        write_model_files(folder, weights, description)


def load_image_model(
    path: str | Path, task: "Task | None" = None, own: "OwnModules | None" = None
) -> "ImageModel":
    """Read a model that `save_image_model` wrote, on the CPU.

    Parameters
    ----------
    path
        The folder.
    task
        What it must be for: "fill", "restore", "embed" or "classify"; none = any.
    own
        For each own network by its name, a function that makes the module.

    Raises
    ------
    InputError
        When the folder is no model, or one for something else, was written by a newer
        version, or its weights are missing or damaged.
    """
    from napari_sciml.networks.image_model import ImageModel

    path = Path(path)
    description = read_description(path)
    found = _task(description)
    if found is None:
        raise InputError(
            f"{path} is a model that finds classes in an image, not one for the task "
            f"'{task or 'fill or restore'}'; choose another model."
        )
    if task not in (None, found):
        raise InputError(
            f"{path} is a model for the task '{found}', not for '{task}'; choose "
            "another model."
        )
    if CLASSES in description:
        raise InputError(
            f"{path} holds trees that sort images into classes, and no networks; give "
            "it to classify, or choose another model."
        )
    state = read_weights(path, description)
    model: ImageModel = build(
        path,
        lambda: ImageModel.from_description(
            found,
            description["image_model"],
            description.get("record", {}),
            own,
        ),
        state,
    )
    return model


def read_task(path: str | Path) -> "Task | None":
    """Tell what a model is for; None = it finds classes in an image (`load_model`).

    Raises
    ------
    InputError
        When the folder is no model or was written by a newer version.
    """
    return _task(read_description(Path(path)))


def _task(description: dict[str, object]) -> "Task | None":
    found = description.get("task")
    return found  # type: ignore[return-value]
