"""Describe patches by what a trained model sees in them."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.front import blocks_of, channels_in, pool
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.tiles import Region

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted

PROBABILITY_NUMBERS = 4
"""Of each class: mean, deviation and maximum in the patch, and how members differ."""


def describe_by_model(
    patches: PatchGrid | WholeImages, ensemble: "Ensemble", *, device: str = "auto"
) -> Generator[float, None, tuple[np.ndarray, tuple[int, int]]]:
    """Describe patches by the features of a model, and by its probabilities.

    Features are the channels that its networks get, averaged over the patch. Of the
    probability of each class there are mean, deviation and maximum over the patch, and
    the mean of how far the networks differ.

    Parameters
    ----------
    patches
        Patches of an image.
    ensemble
        The trained model.
    device
        "auto", "cpu", "cuda" or "mps".

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    description, blocks
        ``(n, d)`` float32, and how many of the numbers are features and how many come
        from probabilities.

    Raises
    ------
    InputError
        When the model is for other images.
    """
    grid = check_model(patches, ensemble)
    features = ensemble.front.channels
    rest = PROBABILITY_NUMBERS * len(ensemble.class_names)
    made = np.empty((*grid.shape, features + rest), np.float32)
    blocks = [*blocks_of(grid)]
    for done, (where, core) in enumerate(blocks):
        predicting = _predict(ensemble, grid, core, device)
        while True:
            try:
                next(predicting)
            except StopIteration as finished:
                found = finished.value
                break
            yield done / len(blocks)
        made[where] = _numbers(ensemble, grid, core, found).reshape(made[where].shape)
        yield (done + 1) / len(blocks)
    return made.reshape(len(grid), -1), (features, rest)


def check_model(patches: PatchGrid | WholeImages, ensemble: "Ensemble") -> PatchGrid:
    """Make sure that a model can look at these patches.

    Raises
    ------
    InputError
        With one sentence.
    """
    if not isinstance(patches, PatchGrid):
        raise InputError(
            "A model describes patches of one image: give a single image, or describe "
            "images by front or autoencoder."
        )
    if patches.dims != ensemble.dims:
        raise InputError(
            f"The model looks at images of {ensemble.dims} axes, but the patches have "
            f"{patches.dims}: take patches of {ensemble.dims} axes."
        )
    ensemble.check_channels(patches.image)
    return patches


def _predict(
    ensemble: "Ensemble", grid: PatchGrid, core: Region, device: str
) -> Generator[None, None, "BlockPredicted"]:
    from napari_sciml.prediction.blockwise import BlockPredictor

    image, region = grid.image, core
    if len(core) > grid.dims:
        image, region = _slice(grid, core[0].start), core[1:]
    predictor = BlockPredictor(ensemble, image, device=device)
    return (yield from predictor.predict(region))


def _slice(grid: PatchGrid, index: int) -> Any:
    values = np.asarray(grid.image[index])
    return ChannelImage(values) if grid.channels > 1 else values


def _numbers(
    ensemble: "Ensemble", grid: PatchGrid, core: Region, found: "BlockPredicted"
) -> np.ndarray:
    """Numbers ``(…, d)`` of the patches in a block."""
    import torch

    own = ensemble.for_image(grid.image)
    with torch.inference_mode():
        channels = channels_in(grid, ensemble.front, own.intensity, core).cpu()
        mean, std = torch.from_numpy(found.mean), torch.from_numpy(found.std)
        parts = (
            pool(channels, grid)[0],
            *pool(mean, grid),
            pool(std, grid)[0],
        )
        return torch.cat(parts).movedim(0, -1).numpy()
