"""The whole job on the sample volume, from scribbles to fiber lengths."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.segmentation.score import dice, instance_f1
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import jsonable
from napari_sciml.io.results.arrays import save_labels
from napari_sciml.io.results.outputs import Kind, check_output
from napari_sciml.progress import Report
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.pipeline import measure_mask
from napari_sciml.workflows.prediction.files import predict_image
from napari_sciml.workflows.thresholding.files import threshold_prediction
from napari_sciml.workflows.training.files import train_model
from napari_sciml.workflows.training.scans import Scan

SCRIBBLED_VOXELS = 1900
RESULTS: dict[str, Kind] = {
    "image.tif": "labels",
    "scribbles.tif": "labels",
    "model": "model",
    "probabilities.ome.zarr": "prediction",
    "mask.tif": "labels",
    "fibers": "fibers",
    "summary.json": "demo",
}
"""What the folder gets; the image is written as labels are."""
Stage = Callable[[str], AbstractContextManager[Report]]
"""Opens the progress of a stage with a title."""


def run_demo(
    out: Path,
    *,
    training: TrainingConfig,
    stage: Stage,
    config: PhantomConfig | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Make the sample, train, predict, threshold and measure, into one folder.

    The folder gets ``image.tif``, ``scribbles.tif``, ``model/``,
    ``probabilities.ome.zarr``, ``mask.tif``, ``fibers/`` and ``summary.json``. The
    stages only read files, as a user's own would, and never the truth, which
    serves for the scores alone. An interrupted demo leaves whole files only.

    Returns
    -------
    dict
        Scores against the known truth, and what each stage said.
    """
    for name, kind in RESULTS.items():
        check_output(out / name, kind, overwrite=overwrite)
    with stage("Making the sample volume"):
        phantom = make_phantom(config)
        labeled = write_sample(phantom, out)
    stages = dict(_run_stages(out, training, stage))
    summary = {"scores": _scores(phantom, out, labeled), **stages}
    with atomic_path(out / "summary.json") as path:
        path.write_text(json.dumps(jsonable(summary), indent=2) + "\n")
    return {"folder": str(out), **summary}


def write_sample(phantom: Phantom, folder: Path) -> int:
    """Write image and scribbles; return the number of labeled voxels."""
    size, unit = (phantom.voxel_size,) * 3, phantom.unit
    annotation = scribble(phantom.labels, phantom.image, budget=SCRIBBLED_VOXELS)
    save_labels(folder / "image.tif", phantom.image, size, unit)
    save_labels(folder / "scribbles.tif", annotation, size, unit)
    return int(np.count_nonzero(annotation))


def _run_stages(
    folder: Path, training: TrainingConfig, stage: Stage
) -> Iterator[tuple[str, Any]]:
    image, mask = folder / "image.tif", folder / "mask.tif"
    result = folder / "probabilities.ome.zarr"
    with stage("Training on the scribbles") as report:
        yield (
            "train",
            train_model(
                [Scan(image, folder / "scribbles.tif")],
                folder / "model",
                training,
                class_names=DEFAULT_CLASSES,
                report=report,
            ),
        )
    with stage("Predicting the volume") as report:
        yield (
            "predict",
            predict_image(
                folder / "model",
                image,
                result,
                device=training.device,
                threads=training.threads,
                restart=True,
                report=report,
            ),
        )
    with stage("Keeping what is sure"):
        yield "threshold", threshold_prediction(result, mask, ThresholdConfig())
    with stage("Measuring fibers"):
        yield (
            "fibers",
            measure_mask(
                mask, folder / "fibers", FiberConfig(), image=image, probability=result
            ),
        )


def _scores(phantom: Phantom, folder: Path, labeled: int) -> dict[str, Any]:
    mask = tifffile.imread(folder / "mask.tif") > 0
    instances = tifffile.imread(folder / "fibers" / "labels.tif")
    found = instance_f1(phantom.labels, instances, iou=0.4)
    return {
        "labeled_voxels": labeled,
        "fiber_dice": round(float(dice(phantom.labels > 0, mask)), 4),
        "instance_f1": round(float(found.f1), 4),
        "true_fibers": found.truth,
        "found_fibers": found.predicted,
    }
