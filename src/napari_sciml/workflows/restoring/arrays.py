"""Restore an array in memory, or the slice that is shown."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import UNUSABLE
from napari_sciml.images.room import check_room
from napari_sciml.images.tiles import Region, grid
from napari_sciml.restoration.config import Method, RestoreConfig
from napari_sciml.restoration.noise import NoiseReport
from napari_sciml.restoration.removed import Removed, removed_report
from napari_sciml.restoration.restorers import Block, Restorer
from napari_sciml.workflows.restoring.preparing import (
    Chosen,
    Learning,
    Prepared,
    choose,
    prepare,
)

LEARNING_SHARE = 0.8
"""Of the progress of networks; the rest is to restore."""


@dataclass(frozen=True)
class BlockRestored:
    """A block is restored.

    Attributes
    ----------
    core
        Which.
    block
        What came out.
    raw
        Gray values of the core.
    fraction
        Share of the blocks that is done, 0 to 1.
    """

    core: Region
    block: Block
    raw: np.ndarray
    fraction: float


@dataclass(frozen=True)
class Restored:
    """A restored image, and what is to be known of it.

    Attributes
    ----------
    image
        float32, of the mean of the image that was given.
    std
        Sample standard deviation over the networks; None with one, or with a filter.
    method
        Never "auto".
    report
        Of the noise that was measured.
    removed
        The test whether structure went with the noise.
    cautions
        What a person should know before he trusts the result.
    restorer
        What restored it, for other images; see `save_restorer`.
    """

    image: np.ndarray
    std: np.ndarray | None
    method: Method
    report: NoiseReport
    removed: Removed
    cautions: tuple[str, ...]
    restorer: Restorer


def restore(
    image: Any,
    *,
    second: Any = None,
    clean: Any = None,
    config: RestoreConfig | None = None,
    progress: Callable[[float, str], None] | None = None,
    **settings: Any,
) -> Restored:
    """Remove noise from an image, by what its noise allows.

    Parameters
    ----------
    image
        Array-like of gray values, ``(y, x)`` or ``(z, y, x)``.
    second
        A second scan of the same, with noise of its own.
    clean
        What should come out, to learn from.
    config, **settings
        Settings, and single ones of them: ``method="tv"``; see `RestoreConfig`.
    progress
        Called with the share that is done and a few words.

    Returns
    -------
    Restored
        The image in memory, float32.

    Raises
    ------
    InputError
        When the noise allows no method that learns from the image alone (choose a
        filter then), there is nothing to remove, or the arrays do not fit.
    """
    config = (config or RestoreConfig()).model_copy(update=settings)
    config = RestoreConfig.model_validate(config.model_dump())
    for event in restoring(image, config, second=second, clean=clean):
        if isinstance(event, Restored):
            return event
        if progress is not None and isinstance(event, Learning | BlockRestored):
            progress(_share(event), getattr(event, "words", "restoring"))
    raise AssertionError("a restoring ends with its result")


def restoring(
    image: Any, config: RestoreConfig, *, second: Any = None, clean: Any = None
) -> Generator[Chosen | Learning | BlockRestored | Restored | None, None, None]:
    """Restore step by step; see `restore`.

    Yields
    ------
    Chosen, Learning, BlockRestored, Restored or None
        In this order; None is a chance to stop.
    """
    check_room(image.shape, np.float32, "The restored image", copies=2)
    chosen = choose(image, config, second=second, clean=clean)
    yield chosen
    prepared = yield from prepare(image, chosen, config, second=second, clean=clean)
    yield from restored_by(image, prepared)


def restored_by(
    image: Any, prepared: Prepared
) -> Generator[BlockRestored | Restored | None, None, None]:
    """Restore a whole image in memory by what was prepared."""
    restorer, chosen = prepared.restorer, prepared.chosen
    mean = np.empty(image.shape, np.float32)
    std = np.empty(image.shape, np.float32) if restorer.members > 1 else None
    raw_sum = sum_ = 0.0
    for event in restored_blocks(image, restorer):
        yield event
        if event is None:
            continue
        mean[event.core] = event.block.mean
        if std is not None and event.block.std is not None:
            std[event.core] = event.block.std
        raw_sum += float(event.raw.sum(dtype=np.float64))
        sum_ += float(event.block.mean.sum(dtype=np.float64))
    mean += (raw_sum - sum_) / mean.size
    where = sample_of(image.shape)
    removed = removed_report(np.asarray(image[where]), mean[where])
    cautions = [*chosen.cautions, *about_removed(removed)]
    yield Restored(
        mean, std, chosen.method, chosen.report, removed, tuple(cautions), restorer
    )


def restored_blocks(
    image: Any, restorer: Restorer, cores: Sequence[Region] | None = None
) -> Generator[BlockRestored | None, None, None]:
    """Restore blocks, one after the other; each is as in the whole image.

    Yields
    ------
    BlockRestored or None
        None is a chance to stop.

    Raises
    ------
    InputError
        When a block holds values that are not finite.
    """
    shape = tuple(int(n) for n in image.shape)
    cores = grid(shape, restorer.edges(len(shape))) if cores is None else cores
    for done, core in enumerate(cores, start=1):
        tile = restorer.tile(core, shape)
        values = np.asarray(image[tile.read])
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(UNUSABLE)
        yield None
        block = yield from restorer.restore(values, tile, shape)
        yield BlockRestored(core, block, values[tile.inner], done / len(cores))


def sample_of(shape: Sequence[int]) -> Region:
    """Where what was removed is tested: the middle of a large image, else all."""
    edges = {2: (1024, 1024), 3: (64, 256, 256)}[len(shape)]
    return tuple(
        slice(max(0, (n - e) // 2), max(0, (n - e) // 2) + min(n, e))
        for n, e in zip(shape, edges, strict=True)
    )


def about_removed(removed: Removed) -> list[str]:
    """A caution where structure went with the noise."""
    return [removed.sentence] if removed.structure_went else []


def _share(event: Learning | BlockRestored) -> float:
    if isinstance(event, Learning):
        return LEARNING_SHARE * event.fraction
    return LEARNING_SHARE + (1 - LEARNING_SHARE) * event.fraction
