"""Sparse annotation, ensemble training, uncertainty and fibers in napari.

Importing this package imports neither torch nor Qt: the names below load their
module when they are first used.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sciml.annotation.split import hold_out, k_folds
    from napari_sciml.classification.description import describe_image
    from napari_sciml.errors import InputError
    from napari_sciml.explaining.config import ExplainConfig
    from napari_sciml.explaining.session import explain
    from napari_sciml.exploring.config import ExploreConfig
    from napari_sciml.exploring.groups import clusters
    from napari_sciml.exploring.maps import project_latent
    from napari_sciml.fibers.config import FiberConfig
    from napari_sciml.fibers.geometry.measure import measure_fibers
    from napari_sciml.fibers.segmentation.instances import label_fibers
    from napari_sciml.filling.config import FillConfig
    from napari_sciml.filling.session import fill_gaps
    from napari_sciml.images.volume import Volume
    from napari_sciml.io.images.reading import open_volume
    from napari_sciml.io.models.folder import load_model, save_model
    from napari_sciml.io.models.image_classes import (
        load_image_classes,
        save_image_classes,
    )
    from napari_sciml.io.models.image_model import load_image_model, save_image_model
    from napari_sciml.networks.autoencoders.autoencoder import (
        AutoencoderConfig,
        build_autoencoder,
    )
    from napari_sciml.networks.build import build_network
    from napari_sciml.networks.config import (
        MSDNetConfig,
        SMSNetConfig,
        TUNet3PlusConfig,
        TUNetConfig,
    )
    from napari_sciml.networks.custom import CustomNetwork
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.image_model import ImageModel
    from napari_sciml.networks.sparse.drawing import draw_graph
    from napari_sciml.prediction.blockwise import predict, predict_blocks
    from napari_sciml.restoration.noise import noise_report
    from napari_sciml.samples.phantom import PhantomConfig, make_phantom
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.cross_validation import cross_validate
    from napari_sciml.training.session import train
    from napari_sciml.training.whole_images.config import FitConfig
    from napari_sciml.training.whole_images.crop_set import CropSet
    from napari_sciml.training.whole_images.regression import fit
    from napari_sciml.uncertainty.conformal import prediction_set
    from napari_sciml.uncertainty.coverage import coverage_report
    from napari_sciml.uncertainty.statistics import (
        ensemble_quantiles,
        mutual_information,
    )
    from napari_sciml.uncertainty.threshold import ThresholdConfig, confident
    from napari_sciml.workflows.batch.masks import threshold_files
    from napari_sciml.workflows.batch.measurements import measure_files
    from napari_sciml.workflows.batch.predictions import predict_files
    from napari_sciml.workflows.classifying.patches import classify
    from napari_sciml.workflows.exploring.arrays import embed
    from napari_sciml.workflows.live_session import LiveSession
    from napari_sciml.workflows.restoring.arrays import restore
    from napari_sciml.workflows.validation.arrays import validate

try:
    __version__ = version("napari-sciml")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

_PUBLIC = {
    "AutoencoderConfig": "networks.autoencoders.autoencoder",
    "ChannelImage": "images.channels",
    "CropSet": "training.whole_images.crop_set",
    "Ensemble": "networks.ensemble",
    "FiberConfig": "fibers.config",
    "ExploreConfig": "exploring.config",
    "ExplainConfig": "explaining.config",
    "FillConfig": "filling.config",
    "FitConfig": "training.whole_images.config",
    "ImageModel": "networks.image_model",
    "InputError": "errors",
    "LiveSession": "workflows.live_session",
    "MSDNetConfig": "networks.config",
    "CustomNetwork": "networks.custom",
    "PhantomConfig": "samples.phantom",
    "SMSNetConfig": "networks.config",
    "TUNet3PlusConfig": "networks.config",
    "TUNetConfig": "networks.config",
    "ThresholdConfig": "uncertainty.threshold",
    "TrainingConfig": "training.config",
    "Volume": "images.volume",
    "build_autoencoder": "networks.autoencoders.autoencoder",
    "build_network": "networks.build",
    "classify": "workflows.classifying.patches",
    "clusters": "exploring.groups",
    "confident": "uncertainty.threshold",
    "coverage_report": "uncertainty.coverage",
    "cross_validate": "training.cross_validation",
    "describe_image": "classification.description",
    "draw_graph": "networks.sparse.drawing",
    "embed": "workflows.exploring.arrays",
    "ensemble_quantiles": "uncertainty.statistics",
    "explain": "explaining.session",
    "fill_gaps": "filling.session",
    "fit": "training.whole_images.regression",
    "hold_out": "annotation.split",
    "k_folds": "annotation.split",
    "label_fibers": "fibers.segmentation.instances",
    "load_image_classes": "io.models.image_classes",
    "load_image_model": "io.models.image_model",
    "load_model": "io.models.folder",
    "make_phantom": "samples.phantom",
    "measure_fibers": "fibers.geometry.measure",
    "measure_files": "workflows.batch.measurements",
    "mutual_information": "uncertainty.statistics",
    "noise_report": "restoration.noise",
    "open_volume": "io.images.reading",
    "predict": "prediction.blockwise",
    "predict_blocks": "prediction.blockwise",
    "predict_files": "workflows.batch.predictions",
    "prediction_set": "uncertainty.conformal",
    "project_latent": "exploring.maps",
    "restore": "workflows.restoring.arrays",
    "save_image_classes": "io.models.image_classes",
    "save_image_model": "io.models.image_model",
    "save_model": "io.models.folder",
    "threshold_files": "workflows.batch.masks",
    "train": "training.session",
    "validate": "workflows.validation.arrays",
}

__all__ = [
    "AutoencoderConfig",
    "ChannelImage",
    "CropSet",
    "CustomNetwork",
    "Ensemble",
    "ExplainConfig",
    "ExploreConfig",
    "FiberConfig",
    "FillConfig",
    "FitConfig",
    "ImageModel",
    "InputError",
    "LiveSession",
    "MSDNetConfig",
    "PhantomConfig",
    "SMSNetConfig",
    "TUNet3PlusConfig",
    "TUNetConfig",
    "ThresholdConfig",
    "TrainingConfig",
    "Volume",
    "build_autoencoder",
    "build_network",
    "classify",
    "clusters",
    "confident",
    "coverage_report",
    "cross_validate",
    "describe_image",
    "draw_graph",
    "embed",
    "ensemble_quantiles",
    "explain",
    "fill_gaps",
    "fit",
    "hold_out",
    "k_folds",
    "label_fibers",
    "load_image_classes",
    "load_image_model",
    "load_model",
    "make_phantom",
    "measure_fibers",
    "measure_files",
    "mutual_information",
    "noise_report",
    "open_volume",
    "predict",
    "predict_blocks",
    "predict_files",
    "prediction_set",
    "project_latent",
    "restore",
    "save_image_classes",
    "save_image_model",
    "save_model",
    "threshold_files",
    "train",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
