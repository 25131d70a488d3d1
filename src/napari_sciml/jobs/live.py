"""Train, and predict what the user looks at while the training goes on."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.images.checks import check_annotation, check_finite
from napari_sciml.images.tiles import Region, nearest_first, split_into_tiles

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.events import Snapshot, TrainingStep


SHARE = 0.25
"""Of the time of a training, to redraw what is already on the screen."""
SLICE_BLOCK = {2: 512, 3: 160}
"""Longer than in a whole volume: the halo of a slice costs more than the slice."""


@dataclass(frozen=True)
class View:
    """What is on the screen.

    Attributes
    ----------
    region
        The part of the image that is shown, for instance one z slice.
    point
        Voxel in the middle of it.
    """

    region: Region
    point: tuple[float, ...]


class ViewTarget:
    """Mailbox between a GUI that moves and a job that follows.

    Holds the last view only. Reading and replacing one reference is atomic, so
    neither side ever waits for the other.
    """

    def __init__(self, view: View | None = None) -> None:
        self._view = view

    def look_at(self, view: View | None) -> None:
        """Tell where the user looks now."""
        self._view = view

    @property
    def view(self) -> View | None:
        """Where the user looks; None when nothing is shown."""
        return self._view


def train_and_predict(
    image: Any,
    labels: np.ndarray,
    config: "TrainingConfig | None" = None,
    *,
    view: ViewTarget,
    class_names: Sequence[str] = DEFAULT_CLASSES,
    revision: int = 0,
) -> Generator["TrainingStep | Snapshot | BlockPredicted | None", None, None]:
    """Train an ensemble, show it at work, then predict the whole image.

    After each snapshot the shown region is predicted, at most one member of one
    block after a training step, so that neither has to wait for the other: at once
    where the user looks at something new, otherwise in a quarter of the time. The
    last snapshot (``fraction`` 1) is followed by the
    blocks of the whole image, nearest to the view first.

    Parameters
    ----------
    image, labels, config, class_names, revision
        As in `napari_sciml.training.session.train`; without a number of threads
        a core is left to the viewer.
    view
        Where the user looks; may change at any time.

    Yields
    ------
    TrainingStep, Snapshot, BlockPredicted or None
        None is a chance to stop.

    Raises
    ------
    InputError
        When image or annotation cannot be used.
    """
    from napari_sciml.networks.device import resolve_device
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.session import train

    config = config or TrainingConfig()
    config = config.model_copy(update={"threads": config.threads or _viewer_threads()})
    check_annotation(labels)
    check_finite(image)
    look = _Look(image, view, resolve_device(config.device))
    for event in train(
        image, labels, config, class_names=class_names, revision=revision
    ):
        yield event
        if isinstance(event, Snapshot):
            look.use(event.ensemble)
        elif look.is_due():
            yield look.advance()
    if look.ensemble is not None:
        yield from predict_volume(look.ensemble, image, view, device=config.device)


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


class _Look:
    """Predicts the shown region with the newest model, a small piece at a time."""

    def __init__(self, image: Any, target: ViewTarget, device: Any) -> None:
        self.ensemble: Ensemble | None = None
        self._image = image
        self._target = target
        self._device = device
        self._shown: tuple[Ensemble, Region] | None = None
        self._seen: Region | None = None
        self._spent = 0.0
        self._started = time.monotonic()
        self._pieces: Iterator[BlockPredicted | None] = iter(())

    def use(self, ensemble: "Ensemble") -> None:
        """Take this model for the next picture; the one begun is finished first.

        Snapshots may come faster than pictures: none would ever be finished.
        """
        self.ensemble = ensemble

    def is_due(self) -> bool:
        """Whether prediction has not yet had its share of the time."""
        view = self._target.view
        if self.ensemble is None or view is None:
            return False
        if view.region != self._seen:
            return True
        return self._spent < SHARE * (time.monotonic() - self._started)

    def advance(self) -> "BlockPredicted | None":
        """Predict one member of one block, where there is something left to do."""
        started = time.monotonic()
        block = self._next_piece()
        self._spent += time.monotonic() - started
        if block is not None and block.done == block.total:
            self._seen = self._shown and self._shown[1]
        return block

    def _next_piece(self) -> "BlockPredicted | None":
        view = self._target.view
        if self.ensemble is None or view is None:
            return None
        if self._shown is not None and self._shown[1] != view.region:
            self._pieces = iter(())
        for piece in self._pieces:
            return piece
        if self._shown != (self.ensemble, view.region):
            self._restart(self.ensemble, view)
        return next(self._pieces, None)

    def _restart(self, ensemble: "Ensemble", view: View) -> None:
        from napari_sciml.networks.device import has_fast_bfloat16
        from napari_sciml.prediction.blockwise import predict_blocks

        self._shown = (ensemble, view.region)
        # A preview that the whole volume replaces: half precision is good enough.
        self._pieces = predict_blocks(
            ensemble,
            self._image,
            region=view.region,
            center=view.point,
            block=SLICE_BLOCK[ensemble.dims],
            device=self._device,
            half=has_fast_bfloat16(self._device),
        )
