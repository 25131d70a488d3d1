"""A trained ensemble as a folder: ``model.json`` and ``weights.safetensors``."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.examples import write_examples
from napari_sciml.io.models.files import (
    build,
    read_description,
    read_weights,
    serialize,
    write_model_files,
)
from napari_sciml.io.models.training_state import write_state
from napari_sciml.io.provenance import jsonable

if TYPE_CHECKING:
    from napari_sciml.networks.custom import OwnModules
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.state import TrainingState


def save_model(
    ensemble: "Ensemble",
    path: str | Path,
    *,
    record: Mapping[str, Any],
    state: "TrainingState | None" = None,
) -> None:
    """Write an ensemble, whole or not at all.

    Parameters
    ----------
    ensemble
        Trained networks, on any device.
    path
        Folder to make; an older model there is replaced.
    record
        What is worth knowing about the training: provenance, scores, conformal
        calibration … Made JSON-able.
    state
        Of the training, to go on from there.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    from napari_sciml.networks.ensemble_description import describe_ensemble

    weights = serialize(ensemble)
    plain = jsonable(record)
    description = {"ensemble": describe_ensemble(ensemble), "record": plain}
    with atomic_path(path) as folder:
        folder.mkdir()
        write_model_files(folder, weights, description)
        _write_examples(ensemble, folder)
        if state is not None:
            start = plain.get("start", {}).get("model")
            write_state(state, folder, plain.get("config", {}), start)


def _write_examples(ensemble: "Ensemble", folder: Path) -> None:
    forest = ensemble.forest
    if forest is not None and forest.examples is not None:
        write_examples(forest.examples, folder)


def load_model(path: str | Path, own: "OwnModules | None" = None) -> "Ensemble":
    """Read an ensemble that `save_model` wrote, on the CPU.

    Parameters
    ----------
    path
        The folder.
    own
        For each own network by its name, a function that makes the module; see
        `napari_sciml.networks.custom`.

    Raises
    ------
    InputError
        When the folder is no model, was written by a newer version, is one for
        another task (see `napari_sciml.io.models.image_model`), or its weights are
        missing or damaged.
    """
    from napari_sciml.networks.ensemble_description import build_ensemble

    path = Path(path)
    description = read_description(path)
    if "task" in description:
        raise InputError(
            f"{path} is a model for the task '{description['task']}', which does not "
            "find classes in an image; choose a model that was trained on strokes."
        )
    state = read_weights(path, description)
    ensemble: Ensemble = build(
        path, lambda: build_ensemble(description["ensemble"], own), state
    )
    if ensemble.forest is not None:
        ensemble.forest.check()
    return ensemble


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the record that was given to `save_model`, without the weights.

    Raises
    ------
    InputError
        When the folder is no model, was written by a newer version, or is damaged.
    """
    record = read_description(Path(path)).get("record", {})
    if not isinstance(record, dict):
        raise InputError(
            f"The record in {path} is damaged; copy the whole model folder."
        )
    if not _is_voxel_size(record.get("voxel_size")):
        raise InputError(
            f"The voxel size in {path} is damaged; copy the whole model folder."
        )
    return record


def read_weights_sha256(path: str | Path) -> str:
    """Read the hash of the weights of a model, without the weights.

    Raises
    ------
    InputError
        When the folder is no model or was written by a newer version.
    """
    return str(read_description(Path(path)).get("weights_sha256"))


def weights_sha256(ensemble: "Ensemble") -> str:
    """Hash of the weights, as `read_weights_sha256` tells it of a saved model."""
    return hashlib.sha256(serialize(ensemble)).hexdigest()


def _is_voxel_size(told: Any) -> bool:
    """Whether it is one to three lengths, or was never told."""
    return not told or (
        isinstance(told, list)
        and len(told) <= len("zyx")
        and all(isinstance(x, int | float) and 0 < x < math.inf for x in told)
    )
