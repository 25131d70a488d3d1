"""Predict a whole image, beginning where the user looks; compare two models."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, Tile, nearest_first, split_into_tiles
from napari_sciml.prediction.viewport import ViewportMailbox

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted


def predict_volume(
    ensemble: "Ensemble",
    image: Any,
    view: ViewportMailbox,
    *,
    block: int | None = None,
    device: str = "auto",
) -> Generator["BlockPredicted | None", None, None]:
    """Predict a whole image; always the block next that is nearest to the view.

    Parameters
    ----------
    ensemble
        Trained networks.
    image
        Array-like of raw gray values.
    view
        Where the user looks; may change at any time.
    block
        As in `napari_sciml.prediction.blockwise.predict_blocks`.
    device
        "auto", "cpu", "cuda" or "mps".

    Yields
    ------
    BlockPredicted or None
        None is a chance to stop.
    """
    from napari_sciml.networks.device import use_threads
    from napari_sciml.prediction.blockwise import DEFAULT_BLOCK, BlockPredictor

    use_threads(_viewer_threads())
    predictor = BlockPredictor(ensemble, image, device=device)
    edge = block or DEFAULT_BLOCK[ensemble.dims]
    left = split_into_tiles(image.shape, edge, ensemble.halo)
    total = len(left)
    while left:
        left = nearest_first(left, _middle(view, image))
        tile = left.pop(0)
        block_done = yield from predictor.predict(tile.core)
        yield replace(block_done, done=total - len(left), total=total)


@dataclass(frozen=True)
class Compared:
    """How two models differ.

    Attributes
    ----------
    region
        Part of the image.
    difference
        Probability of the last class by the second model less that by the first.
    share
        Of the voxels that they put into different classes.
    """

    region: Region
    difference: np.ndarray
    share: float


def compare_models(
    one: "Ensemble", other: "Ensemble", image: Any, region: Region
) -> Generator[Compared | None, None, None]:
    """Predict a region with two models and tell where they differ.

    Raises
    ------
    InputError
        When they have different classes.
    """
    if one.class_names != other.class_names:
        raise InputError("The two models have different classes: choose other ones.")
    first = yield from _mean_in(one, image, region)
    second = yield from _mean_in(other, image, region)
    share = float((first.argmax(0) != second.argmax(0)).mean())
    yield Compared(region, second[-1] - first[-1], share)


def _mean_in(
    ensemble: "Ensemble", image: Any, region: Region
) -> Generator[None, None, np.ndarray]:
    from napari_sciml.prediction.blockwise import predict_blocks

    shape = [part.stop - part.start for part in region]
    mean = np.zeros((len(ensemble.class_names), *shape), np.float32)
    for block in predict_blocks(ensemble, image, region=region, half=True):
        if block is not None:
            mean[:, *Tile(block.tile.core, region).inner] = block.mean
        yield None
    return mean


def describe_device(name: str = "auto") -> str:
    """Say where a job would compute: "CPU, 1 thread". Imports torch."""
    import torch

    from napari_sciml.networks.device import resolve_device

    device = resolve_device(name)
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "mps":
        return "GPU of this Mac"
    threads = _viewer_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def _viewer_threads() -> int:
    from napari_sciml.networks.device import default_threads

    return default_threads(viewer=True)


def _middle(view: ViewportMailbox, image: Any) -> Sequence[float]:
    if view.view is not None:
        return view.view.point
    return [(n - 1) / 2 for n in image.shape]
