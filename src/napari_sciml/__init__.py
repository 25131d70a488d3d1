"""Sparse annotation, ensemble training, uncertainty and fibers in napari.

Importing this package imports neither torch nor Qt: the names below load their
module when they are first used.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sciml.annotation.split import hold_out
    from napari_sciml.errors import InputError
    from napari_sciml.fibers.instances import label_fibers
    from napari_sciml.fibers.measure import measure_fibers
    from napari_sciml.images.reading import open_volume
    from napari_sciml.images.volume import Volume
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import predict, predict_blocks
    from napari_sciml.samples.phantom import PhantomConfig, make_phantom
    from napari_sciml.storage.model import load_model, save_model
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.session import train
    from napari_sciml.uncertainty.threshold import confident

try:
    __version__ = version("napari-sciml")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

_PUBLIC = {
    "Ensemble": "networks.ensemble",
    "InputError": "errors",
    "PhantomConfig": "samples.phantom",
    "TrainingConfig": "training.config",
    "Volume": "images.volume",
    "confident": "uncertainty.threshold",
    "hold_out": "annotation.split",
    "label_fibers": "fibers.instances",
    "load_model": "storage.model",
    "make_phantom": "samples.phantom",
    "measure_fibers": "fibers.measure",
    "open_volume": "images.reading",
    "predict": "prediction.blockwise",
    "predict_blocks": "prediction.blockwise",
    "save_model": "storage.model",
    "train": "training.session",
}

__all__ = [
    "Ensemble",
    "InputError",
    "PhantomConfig",
    "TrainingConfig",
    "Volume",
    "confident",
    "hold_out",
    "label_fibers",
    "load_model",
    "make_phantom",
    "measure_fibers",
    "open_volume",
    "predict",
    "predict_blocks",
    "save_model",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
