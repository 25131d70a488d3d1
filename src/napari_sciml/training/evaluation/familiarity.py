"""How much of an image looks like nothing that a model was trained on."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch

from napari_sciml.images.mosaic import frame_at
from napari_sciml.images.tiles import with_halo
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.feature_range import FeatureRange
from napari_sciml.progress import exhaust
from napari_sciml.training.data.image_sample import spread_over

BLOCKS = 24
EDGE = {2: 96, 3: 20}
"""Of a block in which the range is found, about 200,000 voxels in all."""
LOOKS = 16
"""Blocks that another image is judged by: 0.4 s on one core."""
SEED_OF_LOOKS = 1
"""Not the places where the range was found."""


def find_range(
    ensemble: Ensemble, image: Any, *, seed: int
) -> Generator[None, None, FeatureRange]:
    """Find what the front end gives in all of an image, from a fair sample of blocks.

    Parameters
    ----------
    ensemble
        Whose front end and gray scale count.
    image
        Array-like of raw gray values.
    seed
        Chooses the blocks.

    Yields
    ------
    None
        A chance to stop, after each block.
    """
    rows = []
    for channels in _blocks(ensemble, image, BLOCKS, seed):
        rows.append(channels.flatten(1).cpu())
        yield
    return FeatureRange.of(torch.cat(rows, 1))


def share_outside(
    ensemble: Ensemble, image: Any, *, blocks: int = LOOKS
) -> float | None:
    """Share of the voxels of an image that are unlike all that a model was trained on.

    Parameters
    ----------
    ensemble
        The model.
    image
        Array-like of raw gray values; a few blocks of it are read.
    blocks
        How many.

    Returns
    -------
    float or None
        0 to 1; None where the model does not know what it was trained on, or the image
        has another number of axes.

    Raises
    ------
    InputError
        When the image has other channels than the model is for, or NaN in it.
    """
    known = ensemble.familiar
    if known is None or image.ndim != ensemble.dims:
        return None
    ensemble.check_channels(image)
    sample = _blocks(ensemble, image, blocks, SEED_OF_LOOKS)
    strange = [known.outside(channels).cpu().numpy() for channels in sample]
    return float(np.mean(np.concatenate([part.reshape(-1) for part in strange])))


def learn_range(ensemble: Ensemble, image: Any, *, seed: int) -> None:
    """Let an ensemble know what there is in its image, where it does not yet."""
    if ensemble.familiar is None:
        ensemble.familiar = exhaust(find_range(ensemble, image, seed=seed))


def _blocks(
    ensemble: Ensemble, image: Any, count: int, seed: int
) -> Generator[torch.Tensor, None, None]:
    """Channels ``(c, …)`` of blocks from all over an image."""
    rng = np.random.default_rng([seed, 2])
    ensemble = ensemble.for_image(image)
    for core in spread_over(image, count, EDGE[ensemble.dims], rng):
        tile = with_halo(core, ensemble.front.reach, frame_at(image, core))
        gray = ensemble.intensity.apply(np.asarray(image[tile.read]))
        values = torch.from_numpy(gray).to(ensemble.device)
        with torch.inference_mode():
            channels = ensemble.channels(values, tile.surround)[0]
        yield channels
