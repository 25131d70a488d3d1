"""Read an earlier model to begin a training with."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.io.models.examples import read_examples
from napari_sciml.io.models.folder import load_model, weights_sha256

if TYPE_CHECKING:
    from napari_sciml.training.start import Start


def read_start(path: Path, name: str = "") -> "Start":
    """Read a model to begin a training with.

    Parameters
    ----------
    path
        Folder of the model.
    name
        What it is called in sentences; the name of the folder by default.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    from napari_sciml.training.start import Start

    ensemble = load_model(path)
    forest = ensemble.forest
    if forest is not None:
        forest.examples = read_examples(
            path, forest.bank.channels, forest.context.channels, forest.classes
        )
    return Start(ensemble, name or path.name, weights_sha256(ensemble))
