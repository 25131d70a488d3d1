"""What all folders of models have in common: ``model.json``, ``weights.safetensors``.

Nothing is unpickled, and weights are told from others by their hash.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_sciml.errors import InputError, first_line
from napari_sciml.json_files import UnreadableError, read_file, read_object

if TYPE_CHECKING:
    from torch import Tensor


class Weighted(Protocol):
    """What has weights, such as a module."""

    def state_dict(self) -> "dict[str, Tensor]":
        """All of them, by name."""
        ...


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


def serialize(model: Weighted) -> bytes:
    """Weights as they are written."""
    from safetensors.torch import save

    # Copies, as safetensors refuses tensors that share memory.
    state = model.state_dict()
    return bytes(save({k: v.cpu().clone().contiguous() for k, v in state.items()}))


def write_model_files(
    folder: Path, weights: bytes, description: Mapping[str, Any]
) -> None:
    """Write both files of a model into a folder that is there.

    Parameters
    ----------
    folder
        Where; best one that `napari_sciml.io.atomic.atomic_path` moves when it is
        whole.
    weights
        As `serialize` gives them.
    description
        Everything else, JSON-able.
    """
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **description,
    }
    text = json.dumps(whole, indent=2, allow_nan=False)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", "utf-8")


def read_description(path: Path) -> dict[str, Any]:
    """Read ``model.json`` of any model.

    Raises
    ------
    InputError
        When the folder is no model, or another version wrote it.
    """
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


def read_weights(path: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Read the weights that belong to a description, as tensors by name.

    Raises
    ------
    InputError
        When they are missing, or are not those that were saved.
    """
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


def build(path: Path, make: Callable[[], Any], state: dict[str, Any]) -> Any:
    """Build what a description tells of, and put its weights in.

    Parameters
    ----------
    path
        Of the folder, for messages.
    make
        Builds it, with arbitrary weights.
    state
        The weights.

    Raises
    ------
    InputError
        When it cannot be built, or the weights do not fit.
    """
    try:
        model = make()
    except InputError:
        raise
    except Exception as error:  # an edited description fails in many ways
        raise InputError(
            f"The networks described in {path / DESCRIPTION_FILE} cannot be built "
            f"({error!r}); train the model again."
        ) from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f"The weights in {path} do not fit the networks described beside them; "
            "train the model again."
        ) from error
    return model.eval()
