"""Whether a model is used on an image like the one that it was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_sciml.images.intensity import IntensityScale, estimate_intensity, is_far
from napari_sciml.images.units import conversion, unit_name
from napari_sciml.images.volume import Volume

FAR_SIZE = 1.1
"""Ratio of voxel sizes from which on it matters."""
TRAIN_HERE = "train on this one"
STRANGE = 0.05
"""Share of voxels unlike the training from which on it matters; see `share_outside`."""


def facts_of(volume: Volume) -> dict[str, Any]:
    """What a model should remember of the image that it learned from."""
    return {
        "shape": list(volume.shape),
        "channels": volume.channels,
        "dtype": str(np.dtype(volume.data.dtype)),
        "voxel_size": list(volume.voxel_size),
        "unit": volume.unit,
    }


def fit_cautions(
    record: Mapping[str, Any],
    of_model: IntensityScale,
    volume: Volume,
    outside: float | None = None,
) -> tuple[str, ...]:
    """Tell how an image differs from what a model knows: voxels, gray values, features.

    Parameters
    ----------
    record
        What is known of the model.
    of_model
        Gray values that it knows.
    volume
        The image; a few blocks of it are read.
    outside
        Share of its voxels that are unlike all that the model was trained on, as
        `napari_sciml.training.evaluation.familiarity.share_outside` gives it.
    """
    of_image = estimate_intensity(volume.data)
    said = size_cautions(record, volume)
    strange = outside_cautions(outside)
    if of_model.per_image or not is_far(of_model, of_image):
        return (*said, *strange)
    words = gray_in_words(of_model), gray_in_words(of_image)
    gray = gray_caution(record, *words, volume.data.dtype, TRAIN_HERE)
    return (*said, gray, *strange)


def outside_cautions(share: float | None) -> tuple[str, ...]:
    """Tell where much of an image looks like nothing that a model was trained on.

    Parameters
    ----------
    share
        Of its voxels, 0 to 1; None where that is not known.
    """
    if share is None or share < STRANGE:
        return ()
    return (
        f"Unlike training: {share:.0%} of the voxels look like nothing that the model "
        "was trained on, so look at the result closely, or paint strokes in this image "
        "and train on it.",
    )


def size_cautions(record: Mapping[str, Any], volume: Volume) -> tuple[str, ...]:
    """Tell where the voxels differ in size from those that a model knows.

    Parameters
    ----------
    record
        What is known of the model; older ones do not know their voxels.
    volume
        The image that it is put to.
    """
    known, unit = record.get("voxel_size"), unit_name(str(record.get("unit", "pixel")))
    if not known:
        return ()
    axes = min(len(known), volume.ndim)
    there, here = known[-axes:], volume.voxel_size[-axes:]
    theirs, ours = _size(there, unit), _size(here, volume.unit)
    ratios = _ratios(there, unit, here, unit_name(volume.unit))
    if ratios is None:
        return (
            f"The model was trained on voxels of {theirs} and this image has voxels of "
            f"{ours}, which cannot be compared: make sure that they are about the same "
            "size.",
        )
    if max(*ratios, *(1 / ratio for ratio in ratios)) < FAR_SIZE:
        return ()
    return (
        f"The model was trained on voxels of {theirs}, but this image has voxels of "
        f"{ours}: {_looks(ratios)}, so resample the image, or train on one like it.",
    )


def gray_caution(
    record: Mapping[str, Any],
    of_model: Mapping[str, Any],
    of_image: Mapping[str, Any],
    dtype: Any,
    advice: str,
) -> str:
    """Tell that gray values are far from those that a model knows.

    Parameters
    ----------
    record
        What is known of the model.
    of_model, of_image
        Gray values that it knows, and a sample of those that there are, as
        `gray_in_words` gives them.
    dtype
        Type of the image.
    advice
        What to do if the image was recorded differently.
    """
    here, there = str(np.dtype(dtype)), record.get("dtype")
    types = ("", "") if there in (None, here) else (f"{here}, ", f"{there}, ")
    return (
        "The gray values differ from those of the image that the model was trained on "
        f"({types[0]}median {of_image['median']}, spread {of_image['spread']}; there "
        f"{types[1]}{of_model['median']} and {of_model['spread']}); if it was recorded "
        f"differently, {advice}."
    )


def gray_in_words(scale: IntensityScale) -> dict[str, Any]:
    """Median and half the spread from the 2nd to the 98th percentile, rounded."""
    median = [float(f"{x:.4g}") for x in np.atleast_1d(scale.offset)]
    spread = [float(f"{1 / x:.4g}") for x in np.atleast_1d(scale.scale)]
    if len(median) == 1:
        return {"median": median[0], "spread": spread[0]}
    return {"median": median, "spread": spread}


def _ratios(
    there: Sequence[float], unit: str, here: Sequence[float], other: str
) -> list[float] | None:
    """Voxels that a structure takes here, for each that the model knows; by axis."""
    factor = conversion(unit, other)
    if factor is None:
        return None
    return [factor * a / b for a, b in zip(there, here, strict=True)]


def _looks(ratios: Sequence[float]) -> str:
    if max(ratios) > FAR_SIZE * min(ratios):
        return "structures have another size or shape in voxels than it knows"
    ratio = float(np.prod(ratios) ** (1 / len(ratios)))
    if ratio > 1:
        return f"structures take {ratio:.3g} times as many voxels across as it knows"
    return f"structures take {ratio:.2g} of the voxels across that it knows"


def _size(edges: Sequence[float], unit: str) -> str:
    same = max(edges) < 1.001 * min(edges)
    numbers = [f"{edge:.4g}" for edge in ([edges[-1]] if same else edges)]
    return f"{' x '.join(numbers)} {unit_name(unit)}"
