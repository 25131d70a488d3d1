"""Settings from a file and from the command line, as one configuration."""

from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.training_state import settings_of_training
from napari_sciml.json_files import UnreadableError, read_object
from napari_sciml.training.config import TrainingConfig


def training_settings(
    file: Path | None,
    *,
    resume: Path | None = None,
    network: str | None = None,
    prior: str | None = None,
    spacing_of: Path | None = None,
    **given: Any,
) -> TrainingConfig:
    """Settings of a training: the file's, and over them what was given.

    Parameters
    ----------
    file
        JSON object with any of the fields of `TrainingConfig`.
    resume
        Model whose training goes on: its settings are the ones to begin with.
    network
        Kind of network; with its defaults, unless it is that of the file.
    prior
        Shares of the classes with commas.
    spacing_of
        Image whose voxel size is to be used.
    given
        Further fields; None = not given.

    Raises
    ------
    InputError
        When the file is no JSON object, or the prior no numbers.
    pydantic.ValidationError
        When a setting is unknown or out of bounds.
    """
    settings = {} if resume is None else settings_of_training(resume)
    settings |= {} if file is None else _read(file)
    given = {name: value for name, value in given.items() if value is not None}
    if "seconds" in given:
        settings.pop("steps", None)  # a number of steps would rule out the seconds
    settings |= given
    if network is not None and settings.get("network", {}).get("kind") != network:
        settings["network"] = {"kind": str(network)}
    if prior is not None:
        settings["prior"] = _numbers(prior)
    if spacing_of is not None:
        settings["spacing"] = open_volume(spacing_of).voxel_size
    return TrainingConfig.model_validate(settings)


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
