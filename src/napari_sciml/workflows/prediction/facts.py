"""What a person should know of a planned prediction before it starts."""

import math
import shutil
from typing import Any

import numpy as np

from napari_sciml.images.contrast import one_value
from napari_sciml.images.intensity import estimate_intensity, is_far
from napari_sciml.images.volume import unique
from napari_sciml.io.images.ngff.reading import missing_chunks
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.fit import (
    gray_caution,
    gray_in_words,
    outside_cautions,
    size_cautions,
)
from napari_sciml.io.models.folder import load_model, read_record
from napari_sciml.workflows.prediction.plan import PredictionPlan, reading


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
    # The spread of a sample without any counts as 1.
    sampled = np.any(np.not_equal(gray["image"]["spread"], 1))
    flat = None if sampled else one_value(volume.data)
    if flat is not None:
        said.append(
            f"Every voxel of {plan.image.name} has the same gray value, {flat:g}: "
            "there is nothing to find in it."
        )
    record = read_record(plan.model)
    said += size_cautions(record, volume)
    if gray["far"] and plan.intensity == "model":
        advice = "use --intensity image"
        dtype = volume.data.dtype
        said.append(gray_caution(record, gray["model"], gray["image"], dtype, advice))
    return [*said, *outside_cautions(gray["outside"])]


def gray_values(plan: PredictionPlan) -> dict[str, Any]:
    """The gray values that the networks expect, and a sample of what there is."""
    from napari_sciml.training.evaluation.familiarity import share_outside

    ensemble = load_model(plan.model)
    of_model, ensemble.intensity = ensemble.intensity, plan.intensity_scale
    with reading(plan.image):
        data = open_volume(plan.image, level=plan.level).data
        of_image = estimate_intensity(data)
        outside = share_outside(ensemble, data)
    return {
        "used": plan.intensity,
        "model": gray_in_words(of_model),
        "image": gray_in_words(of_image),
        "far": is_far(of_model, of_image),
        "outside": outside,
    }


def _output_bytes(plan: PredictionPlan) -> int:
    """Mean and deviation as float16, all levels, before they are compressed."""
    voxels = sum(math.prod(plan.level_shape(i)) for i in range(len(plan.levels)))
    return voxels * len(plan.class_names) * 4


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
