"""What a person should know of a planned prediction before it starts."""

import math
import shutil
from typing import Any

import numpy as np

from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.images.ngff import missing_chunks
from napari_sciml.images.reading import open_volume
from napari_sciml.images.volume import unique
from napari_sciml.storage.model import load_model
from napari_sciml.storage.prediction_plan import PredictionPlan, reading

FAR_OFFSET = 1.0
"""From the median that the model knows, in units of the spread that it knows."""
FAR_SCALE = 2.0


def costs(plan: PredictionPlan) -> list[str]:
    """What a prediction takes of memory and disk, in words."""
    written = _output_bytes(plan)
    words = [f"writes up to {_size(written)} to {plan.out}"]
    if plan.memory is not None:
        words.insert(0, f"needs {_size(plan.memory)} of memory")
    blocks = f"{len(plan.blocks)} blocks of {plan.block} voxels"
    said = [f"{blocks}: {', '.join(words)}."]
    folder = next(p for p in plan.folder.parents if p.exists())
    free = shutil.disk_usage(folder).free
    if free < written:
        said.append(
            f"Only {_size(free)} are free there: it fits only if it is compressed well."
        )
    return said


def cautions(plan: PredictionPlan, gray: dict[str, Any]) -> list[str]:
    """What a person should look into before he trusts the result."""
    volume = open_volume(plan.image, level=plan.level)
    # The reader leaves it out where there are many: here there is the time for it.
    missing = missing_chunks(volume.data, plan.image.name)
    said = list(unique(volume.cautions, missing))
    if gray["far"] and plan.intensity == "model":
        said.append(
            "The gray values differ from those of the image that the model was "
            f"trained on (median {gray['image']['median']}, spread "
            f"{gray['image']['spread']}; there {gray['model']['median']} and "
            f"{gray['model']['spread']}); if it was recorded differently, use "
            "--intensity image."
        )
    return said


def gray_values(plan: PredictionPlan) -> dict[str, Any]:
    """The gray values that the networks expect, and a sample of what there is."""
    of_model = load_model(plan.model).intensity
    with reading(plan.image):
        of_image = estimate_intensity(open_volume(plan.image, level=plan.level).data)
    return {
        "used": plan.intensity,
        "model": _in_words(of_model),
        "image": _in_words(of_image),
        "far": _is_far(of_model, of_image),
    }


def _in_words(scale: IntensityScale) -> dict[str, Any]:
    """Median and half the spread from the 2nd to the 98th percentile, rounded."""
    median = [float(f"{x:.4g}") for x in np.atleast_1d(scale.offset)]
    spread = [float(f"{1 / x:.4g}") for x in np.atleast_1d(scale.scale)]
    if len(median) == 1:
        return {"median": median[0], "spread": spread[0]}
    return {"median": median, "spread": spread}


def _is_far(one: IntensityScale, other: IntensityScale) -> bool:
    first, second = np.atleast_1d(one.scale), np.atleast_1d(other.scale)
    moved = np.abs(np.subtract(one.offset, other.offset)) * first
    ratio = np.maximum(first / second, second / first)
    return bool(np.any(moved > FAR_OFFSET) or np.any(ratio > FAR_SCALE))


def _output_bytes(plan: PredictionPlan) -> int:
    """Mean and deviation as float16, all levels, before they are compressed."""
    voxels = sum(math.prod(plan.level_shape(i)) for i in range(len(plan.levels)))
    return voxels * len(plan.class_names) * 4


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
