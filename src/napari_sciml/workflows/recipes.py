"""What a button of the docks does, as a command and as a few lines of Python.

Names in capitals stand for files that are not on the disk yet.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig

PROGRAM = "napari-sciml"
IMAGE, LABELS, MODEL = "IMAGE.tif", "LABELS.tif", "MODEL"
PREDICTION, MASK, OUT = "prediction.ome.zarr", "mask.tif", "fibers"
File = str | Path | None
OTHER_NAMES = {"class_name": "class"}
IN_TRAIN = (
    *("members", "seconds", "steps", "seed", "dims", "device", "threads"),
    "before",
)


@dataclass(frozen=True)
class Recipe:
    """The same for a terminal and for a script.

    Attributes
    ----------
    command
        Lines for a shell.
    python
        Lines of Python.
    """

    command: str
    python: str


def train_recipe(image: File, labels: File, config: TrainingConfig) -> Recipe:
    """Train as the Train dock would, at once on all strokes."""
    image, labels = str(image or IMAGE), str(labels or LABELS)
    given = {k: v for k, v in _changed(config).items() if k in IN_TRAIN}
    options = _options(given)
    if config.network.kind != TrainingConfig().network.kind:
        options += ["--network", config.network.kind]
        given["network"] = {"kind": config.network.kind}
    if config.prior is not None:
        options += ["--prior", ",".join(f"{share:g}" for share in config.prior)]
        given["prior"] = config.prior
    settings = _arguments(given)
    words = [PROGRAM, "train", image, labels, "--out", MODEL, *options]
    python = f"""\
import napari_sciml as ns

image = ns.open_volume({image!r}).data
labels = ns.open_volume({labels!r}).data[:]
for event in ns.train(image, labels, ns.TrainingConfig({settings})):
    last = event
ns.save_model(last.ensemble, {MODEL!r}, record={{}})
"""
    return Recipe(_shell([words]), python)


def mask_recipe(
    model: File, image: File, config: ThresholdConfig, coverage: float | None = None
) -> Recipe:
    """Predict an image, and keep what is sure."""
    model, image = str(model or MODEL), str(image or IMAGE)
    options = _options(_changed(config))
    if coverage is not None:
        options += ["--coverage", f"{coverage:g}"]
    lines = [
        [PROGRAM, "predict", model, image, "--out", PREDICTION],
        [PROGRAM, "threshold", PREDICTION, *options, "--out", MASK],
    ]
    also = "" if coverage is None else f", coverage={coverage:g}"
    rule = _arguments(_changed(config))
    python = f"""\
import napari_sciml as ns

ns.predict_files({model!r}, [{image!r}], "predictions")
rule = ns.ThresholdConfig({rule})
ns.threshold_files(["predictions"], "masks", rule{also})
"""
    return Recipe(_shell(lines), python)


def fibers_recipe(
    mask: File,
    config: FiberConfig,
    size: Iterable[float],
    unit: str,
    predicted: str | None = None,
) -> Recipe:
    """Measure the fibers of a mask.

    Parameters
    ----------
    mask
        File of it.
    config
        Settings.
    size, unit
        Edges of a voxel.
    predicted
        Class of the prediction that the mask was made from; None = there is none.
    """
    mask, edges = str(mask or MASK), ",".join(f"{edge:.9g}" for edge in size)
    where = ["--voxel-size", edges, "--unit", unit]
    also = ""
    if predicted is not None:
        where += ["--probability", PREDICTION, "--class", predicted]
        also = f', probabilities=["predictions"], class_name={predicted!r}'
    words = [PROGRAM, "fibers", mask, "--out", OUT, *_options(_changed(config)), *where]
    settings = _arguments(_changed(config))
    python = f"""\
import napari_sciml as ns

config = ns.FiberConfig({settings})
ns.measure_files(
    [{mask!r}], {OUT!r}, config, voxel_size={edges!r}, unit={unit!r}{also}
)
"""
    return Recipe(_shell([words]), python)


def _changed(config: BaseModel) -> dict[str, Any]:
    """What is not as it is by default."""
    return config.model_dump(exclude_defaults=True)


def _options(given: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name, value in given.items():
        option = OTHER_NAMES.get(name, name).replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{option}" if value else f"--no-{option}")
        else:
            found += [f"--{option}", f"{value:g}" if _is_number(value) else str(value)]
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, float)


def _arguments(given: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _shell(lines: Iterable[list[str]]) -> str:
    return "".join(f"{shlex.join(words)}\n" for words in lines)
