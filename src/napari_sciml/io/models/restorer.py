"""Networks that restore an image, with all that is needed to use them, as a folder."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari_sciml.bounds import MAX_VALUE
from napari_sciml.errors import InputError
from napari_sciml.io.models.image_model import load_image_model, save_image_model
from napari_sciml.restoration.config import LEARNED
from napari_sciml.restoration.restorers import NetworkRestorer, Restorer
from napari_sciml.restoration.stabilizing import Stabilizer
from napari_sciml.restoration.stacks import Sight

HOW = "restoring"
"""In the record: what belongs to the networks."""
MOST_CONTEXT = 16


def save_restorer(
    restorer: Restorer, path: str | Path, record: Mapping[str, Any] | None = None
) -> None:
    """Write the networks, whole or not at all.

    Parameters
    ----------
    restorer
        Of a method that learns.
    path
        Folder to make; an older model there is replaced.
    record
        What is worth knowing about the training; made JSON-able.

    Raises
    ------
    InputError
        When it is a filter, or the folder cannot be written.
    """
    if not isinstance(restorer, NetworkRestorer):
        raise InputError(
            f"The method {restorer.method} has no model that could be kept: leave the "
            "model out, or choose a method that learns."
        )
    sight = restorer.sight
    restorer.model.record = {
        **(record or {}),
        HOW: {
            "method": restorer.method,
            "axis": restorer.axis,
            "share": restorer.share,
            "context": sight.context,
            "blind": sight.blind,
            "sigma": sight.sigma,
            "others": sight.others,
            "stabilizer": restorer.stabilizer and asdict(restorer.stabilizer),
        },
    }
    save_image_model(restorer.model, path)


def load_restorer(path: str | Path) -> NetworkRestorer:
    """Read what `save_restorer` wrote, on the CPU.

    Raises
    ------
    InputError
        When the folder is no model, or one for something else.
    """
    model = load_image_model(path, "restore")
    try:
        how = model.record[HOW]
        sight = Sight(
            int(how["context"]),
            bool(how["blind"]),
            float(how["sigma"]),
            bool(how["others"]),
        )
        method, axis, share = str(how["method"]), int(how["axis"]), float(how["share"])
        kept = how.get("stabilizer")
        stabilizer = (
            None
            if kept is None
            else Stabilizer(float(kept["gain"]), float(kept["base"]))
        )
        if stabilizer is not None and not 0 < stabilizer.gain < MAX_VALUE:
            raise ValueError("no gain of a detector")
        good = 0 <= sight.context <= MOST_CONTEXT and 0 < sight.sigma <= 10
        good = good and 0 <= axis <= 2 and 0 <= share <= 1 and method in LEARNED
        if not good or sight.channels != model.in_channels:
            raise ValueError("numbers that no training writes")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not say how its networks restore, or was changed; train the "
            "model again."
        ) from error
    return NetworkRestorer(model, method, sight, axis, share, stabilizer)
