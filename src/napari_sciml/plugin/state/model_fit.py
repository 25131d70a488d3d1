"""Whether an image layer is like the one that a model was trained on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_sciml.errors import InputError
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.io.models.fit import facts_of, fit_cautions, size_cautions
from napari_sciml.plugin.layers.images import cautions_on, pixels, voxel_size

if TYPE_CHECKING:
    from napari_sciml.plugin.state.model import Model

BLOCKS = 6
"""Of the image that are looked at, 0.1 s: the viewer waits for them."""


def remembered(layer: Image) -> dict[str, Any]:
    """What a model should remember of the image that it learned from."""
    volume, cautions = _volume(layer), cautions_on(layer)
    facts = {} if volume is None else facts_of(volume)
    return {**facts, "cautions": list(cautions)} if cautions else facts


def misfit(model: "Model", layer: Image) -> tuple[str, ...]:
    """Tell how an image differs from what a model knows, in sentences.

    Gray values and features are looked at where that takes no time, in an image in
    memory.
    """
    volume = _volume(layer)
    if volume is None:
        return ()
    record = {**(model.loaded or {}), **model.trained_on}
    source = getattr(volume.data, "source", volume.data)
    if not isinstance(source, np.ndarray):
        return size_cautions(record, volume)
    from napari_sciml.training.evaluation.familiarity import share_outside

    try:
        outside = share_outside(model.ensemble, volume.data, blocks=BLOCKS)
        return fit_cautions(record, model.ensemble.intensity, volume, outside)
    except InputError as error:
        return (str(error),)


def _volume(layer: Image) -> Volume | None:
    """The image with its voxel size, as far as that is straight."""
    try:
        image = pixels(layer, any_size=True)
        edges, unit = voxel_size(layer)
    except InputError:
        return None
    return Volume(image, SPATIAL_AXES[image.ndim], edges, unit)
