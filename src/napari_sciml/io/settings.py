"""Settings from a file and from the command line, as one configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.images.stacks.stated_size import StatedSize
from napari_sciml.io.models.folder import read_record
from napari_sciml.io.models.training_state import settings_of_training
from napari_sciml.json_files import UnreadableError, read_object
from napari_sciml.training.config import TrainingConfig

LOOK = ("network", "dims", "sigmas", "spacing")


def training_settings(
    file: Path | None,
    *,
    resume: Path | None = None,
    start: Path | None = None,
    network: str | None = None,
    prior: str | None = None,
    spacing_of: Sequence[Path] = (),
    **given: Any,
) -> TrainingConfig:
    """Settings of a training: the file's, and over them what was given.

    Parameters
    ----------
    file
        JSON object with any of the fields of `TrainingConfig`.
    resume
        Model whose training goes on: its settings are the ones to begin with.
    start
        Model that a new training begins with: what networks are and how they look at
        an image is as in it.
    network
        Kind of network; with its defaults, unless it is that of the file.
    prior
        Shares of the classes with commas.
    spacing_of
        Images whose voxel size is to be used, which is the same in all.
    given
        Further fields; None = not given.

    Raises
    ------
    InputError
        When the file is no JSON object, the prior no numbers, or the images have
        voxels of several sizes.
    pydantic.ValidationError
        When a setting is unknown or out of bounds.
    """
    settings = {} if start is None else _look_of(start)
    settings |= {} if resume is None else settings_of_training(resume)
    settings |= {} if file is None else _read(file)
    given = {name: value for name, value in given.items() if value is not None}
    if "seconds" in given:
        settings.pop("steps", None)  # a number of steps would rule out the seconds
    settings |= given
    if network is not None and settings.get("network", {}).get("kind") != network:
        settings["network"] = {"kind": str(network)}
    if prior is not None:
        settings["prior"] = _numbers(prior)
    if spacing_of:
        settings["spacing"] = _spacing(spacing_of)
    return TrainingConfig.model_validate(settings)


def _look_of(model: Path) -> dict[str, Any]:
    """Settings of a model that another one has to share to begin with it."""
    settings = read_record(model).get("config")
    if not isinstance(settings, dict):
        return {}
    return {name: settings[name] for name in LOOK if name in settings}


def _spacing(images: Sequence[Path]) -> tuple[float, ...]:
    """Edges of the voxels of all images."""
    opened = [open_volume(image) for image in images]
    sizes = [StatedSize.of(*pair) for pair in zip(opened, images, strict=True)]
    for other in sizes[1:]:
        if sizes[0].differs(other):
            raise InputError(
                f"{sizes[0].source} has voxels of {sizes[0].text}, but {other.source} "
                f"of {other.text}: with --physical all images need voxels of one size."
            )
    return sizes[0].voxel_size


def _read(file: Path) -> dict[str, Any]:
    try:
        return read_object(file)
    except UnreadableError as error:
        raise InputError(
            f"The settings in {file} cannot be read ({error.reason}); check that it is "
            "a file with one JSON object."
        ) from error


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"The prior {text!r} cannot be read: give numbers like 0.98,0.02."
        ) from error
