"""What the trees of a model learned from, beside its weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.json_files import UnreadableError, read_file

if TYPE_CHECKING:
    from napari_sciml.networks.trees.examples import Examples

EXAMPLES_FILE = "examples.safetensors"
LIMIT = 2**28
"""Bytes: ten times what a training keeps."""
PARTS = ("rows", "context", "classes", "weights")


def write_examples(examples: "Examples", folder: Path) -> None:
    """Write examples into the folder of a model."""
    from safetensors.numpy import save

    parts = {name: np.ascontiguousarray(getattr(examples, name)) for name in PARTS}
    parts["classes"] = parts["classes"].astype(np.uint8)
    parts["weights"] = parts["weights"].astype(np.float32)
    (folder / EXAMPLES_FILE).write_bytes(save(parts))


def read_examples(
    folder: Path, channels: int, context: int, classes: int
) -> "Examples | None":
    """Read what `write_examples` wrote; None where there is nothing.

    Parameters
    ----------
    folder
        Of the model.
    channels, context, classes
        Columns of the rows and of the context, and number of classes, of the trees.

    Raises
    ------
    InputError
        When the file is damaged, or belongs to other trees.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    from napari_sciml.networks.trees.examples import Examples

    file = folder / EXAMPLES_FILE
    if not file.exists():
        return None
    try:
        parts = load(read_file(file, limit=LIMIT))
    except UnreadableError as error:
        raise _damaged(file, error.reason) from error
    except SafetensorError as error:
        raise _damaged(file, first_line(error)) from error
    wrong = _wrong(parts, channels, context, classes)
    if wrong:
        raise _damaged(file, wrong)
    return Examples(
        parts["rows"],
        parts["context"],
        parts["classes"].astype(np.intp),
        parts["weights"],
    )


def _wrong(
    parts: dict[str, Any], channels: int, context: int, classes: int
) -> str | None:
    """What is wrong with the arrays of a file, if anything."""
    if set(parts) != set(PARTS):
        return "it holds other arrays"
    count = len(parts["classes"])
    shapes = {
        "rows": (count, channels),
        "context": (count, context),
        "classes": (count,),
        "weights": (count,),
    }
    kinds = {"classes": np.uint8}
    for name, shape in shapes.items():
        values = parts[name]
        if values.shape != shape or values.dtype != kinds.get(name, np.float32):
            return f"its {name} have another shape or type"
        if not np.isfinite(values).all():
            return f"its {name} are not all numbers"
    if count and int(parts["classes"].max()) >= classes:
        return "it knows other classes"
    if (parts["weights"] < 0).any():
        return "its weights are negative"
    return None


def _damaged(file: Path, reason: str) -> InputError:
    return InputError(f"{file} is damaged ({reason}); copy the model again.")
