"""Predict a whole image, beginning where the user looks."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_sciml.images.tiles import nearest_first, split_into_tiles
from napari_sciml.prediction.view import ViewTarget

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted


def predict_volume(
    ensemble: "Ensemble",
    image: Any,
    view: ViewTarget,
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
    import torch

    from napari_sciml.networks.device import resolve_device
    from napari_sciml.prediction.blockwise import DEFAULT_BLOCK, predict_blocks

    torch.set_num_threads(_viewer_threads())
    edge = block or DEFAULT_BLOCK[ensemble.dims]
    left = split_into_tiles(image.shape, edge, ensemble.halo)
    total = len(left)
    while left:
        left = nearest_first(left, _middle(view, image))
        tile = left.pop(0)
        for piece in predict_blocks(
            ensemble,
            image,
            block=edge,
            region=tile.core,
            device=resolve_device(device),
        ):
            done = total - len(left)
            yield piece and replace(piece, done=done, total=total)


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


def _middle(view: ViewTarget, image: Any) -> Sequence[float]:
    if view.view is not None:
        return view.view.point
    return [(n - 1) / 2 for n in image.shape]
