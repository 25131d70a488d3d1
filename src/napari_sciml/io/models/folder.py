"""A trained ensemble as a folder: ``model.json`` and ``weights.safetensors``."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.errors import InputError, first_line
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.examples import write_examples
from napari_sciml.io.models.training_state import write_state
from napari_sciml.io.provenance import jsonable
from napari_sciml.json_files import UnreadableError, read_file, read_object

if TYPE_CHECKING:
    from napari_sciml.networks.custom import OwnModules
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.state import TrainingState

FORMAT = "napari-sciml model"
VERSION = 3
OLDEST = 2
"""Without trees; it is read all the same."""
DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
DESCRIPTION_LIMIT = 2**26
"""Bytes; a description of 50 networks has less than 1 MB."""
WEIGHTS_LIMIT = 2**33
"""Bytes; the usual five networks have 1 MB, own ones may be larger."""


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
    weights = _serialize(ensemble)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "ensemble": ensemble.description(),
        "record": jsonable(record),
    }
    text = json.dumps(description, indent=2, allow_nan=False)
    with atomic_path(path) as folder:
        folder.mkdir()
        (folder / WEIGHTS_FILE).write_bytes(weights)
        (folder / DESCRIPTION_FILE).write_text(text + "\n", "utf-8")
        _write_examples(ensemble, folder)
        if state is not None:
            plain = jsonable(record)
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
        When the folder is no model, was written by a newer version, or its
        weights are missing or damaged.
    """
    from napari_sciml.networks.ensemble import Ensemble

    path = Path(path)
    description = _read_description(path)
    state = _read_weights(path, description)
    try:
        ensemble = Ensemble.from_description(description["ensemble"], own)
    except InputError:
        raise
    except Exception as error:  # an edited description fails in many ways
        raise InputError(
            f"The networks described in {path / DESCRIPTION_FILE} cannot be built "
            f"({error!r}); train the model again."
        ) from error
    try:
        ensemble.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f"The weights in {path} do not fit the networks described beside them; "
            "train the model again."
        ) from error
    if ensemble.forest is not None:
        ensemble.forest.check()
    return ensemble.eval()


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the record that was given to `save_model`, without the weights.

    Raises
    ------
    InputError
        When the folder is no model or was written by a newer version.
    """
    record = _read_description(Path(path)).get("record", {})
    return dict(record)


def read_weights_sha256(path: str | Path) -> str:
    """Read the hash of the weights of a model, without the weights.

    Raises
    ------
    InputError
        When the folder is no model or was written by a newer version.
    """
    return str(_read_description(Path(path)).get("weights_sha256"))


def weights_sha256(ensemble: "Ensemble") -> str:
    """Hash of the weights, as `read_weights_sha256` tells it of a saved model."""
    return hashlib.sha256(_serialize(ensemble)).hexdigest()


def _serialize(ensemble: "Ensemble") -> bytes:
    from safetensors.torch import save

    # Copies, as safetensors refuses tensors that share memory.
    state = ensemble.state_dict()
    return bytes(save({k: v.cpu().clone().contiguous() for k, v in state.items()}))


def _read_description(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path of the model.")
    try:
        description = read_object(path / DESCRIPTION_FILE, limit=DESCRIPTION_LIMIT)
    except UnreadableError as error:
        raise InputError(
            f"{path} is not a model folder: it has no readable {DESCRIPTION_FILE} "
            f"({error.reason})."
        ) from error
    if description.get("format") != FORMAT:
        raise InputError(f"{path} is not a model that napari-sciml wrote.")
    written = description.get("version")
    if not isinstance(written, int) or written > VERSION:
        raise InputError(
            f"{path} was written by a newer napari-sciml (model format {written}, "
            f"this one reads {VERSION}); upgrade napari-sciml."
        )
    if written < OLDEST:
        raise InputError(
            f"{path} was written by an older napari-sciml, whose networks were built "
            "differently; train the model again."
        )
    return description


def _read_weights(path: Path, description: dict[str, Any]) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    # The name is fixed: a path from the description could lead anywhere.
    file = path / WEIGHTS_FILE
    try:
        weights = read_file(file, limit=WEIGHTS_LIMIT)
    except UnreadableError as error:
        raise InputError(
            f"{file} cannot be read ({error.reason}); copy the whole model folder."
        ) from error
    if hashlib.sha256(weights).hexdigest() != description.get("weights_sha256"):
        raise InputError(
            f"{file} is damaged: it is not what was saved; copy the model again."
        )
    try:
        return load(weights)
    except SafetensorError as error:
        raise InputError(
            f"{file} is damaged ({first_line(error)}); copy it again."
        ) from error
