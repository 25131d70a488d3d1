"""Restore beside a living window: the shown slice first, then everything."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.images.tiles import Region
from napari_sciml.images.volume import Volume
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.restored_files import save_restored
from napari_sciml.restoration.config import RestoreConfig
from napari_sciml.restoration.noise import NoiseReport, noise_report
from napari_sciml.restoration.restorers import NetworkRestorer
from napari_sciml.workflows.restoring.arrays import (
    BlockRestored,
    Restored,
    restored_blocks,
    restoring,
)
from napari_sciml.workflows.restoring.preparing import Chosen, Learning

LOOK_SECONDS = 2.0
"""Between two looks at the shown slice while networks learn."""
LOOK_SHARE = 0.15
"""Of the time, at most, that these looks may take."""
EVERY = 0.1


@dataclass(frozen=True)
class RestoringGrew:
    """How far it is.

    Attributes
    ----------
    fraction
        Share that is done, 0 to 1.
    words
        What is going on.
    """

    fraction: float
    words: str


@dataclass(frozen=True)
class RegionRestored:
    """A part of the image that can be shown.

    Attributes
    ----------
    region
        Which.
    values
        float32.
    """

    region: Region
    values: np.ndarray


@dataclass(frozen=True)
class RestoredWhole:
    """The whole image is restored.

    Attributes
    ----------
    found
        All that is known of it.
    gone
        float32: what was removed.
    """

    found: Restored
    gone: np.ndarray


@dataclass(frozen=True)
class RestoredWritten:
    """The restored image lies on the disk."""

    path: Path


ViewEvent = (
    NoiseReport
    | Chosen
    | RestoringGrew
    | RegionRestored
    | RestoredWhole
    | RestoredWritten
    | None
)


def measure_noise(image: Any) -> Generator[ViewEvent, None, None]:
    """Measure the noise, as a job; see `noise_report`."""
    yield None
    yield noise_report(image)


def restore_in_view(
    image: Any,
    config: RestoreConfig,
    shown: Callable[[], Region | None],
    *,
    second: Any = None,
    clean: Any = None,
) -> Generator[ViewEvent, None, None]:
    """Restore an image that is looked at; the shown slice is shown as it gets better.

    Parameters
    ----------
    image, second, clean, config
        As of `napari_sciml.workflows.restoring.arrays.restore`.
    shown
        Gives the region that is on the screen; asked now and then.

    Yields
    ------
    Chosen, RestoringGrew, RegionRestored, RestoredWhole or None
        `RestoredWhole` is the last one; None is a chance to stop.
    """
    _leave_a_core()
    told = 0.0
    looks = _Looks(image, shown)
    for event in restoring(image, config, second=second, clean=clean):
        now = time.monotonic()
        if isinstance(event, Chosen):
            yield event
        elif isinstance(event, Restored):
            raw = np.asarray(image[...]).astype(np.float32)
            yield RestoredWhole(event, raw - event.image)
        elif isinstance(event, BlockRestored):
            yield RegionRestored(event.core, event.block.mean)
            yield RestoringGrew(event.fraction, "restoring the whole image")
        elif isinstance(event, Learning) and now - told > EVERY:
            told = now
            yield RestoringGrew(event.fraction, f"learning, {event.words}")
            if event.restorer is not None and looks.due:
                yield from looks.look(event.restorer)
        else:
            yield None


def write_restored(
    found: Restored, volume: Volume, path: Path, source: str
) -> Generator[ViewEvent, None, None]:
    """Write a restored image to the disk, marked as such.

    Parameters
    ----------
    found
        What is written.
    volume
        The image that was restored, for its voxel size.
    path
        ``.tif`` or ``.zarr``.
    source
        What the image is called.
    """
    yield None
    facts = {"method": found.method, "noise": found.report.sentence}
    about = {
        **provenance(image=source, **facts, removed=found.removed.sentence),
        "cautions": list(found.cautions),
        "fingerprint": "",
    }
    place = volume.voxel_size, volume.unit
    save_restored(
        path, found.image.__getitem__, found.image.shape, np.float32, *place, about
    )
    yield RestoredWritten(path)


class _Looks:
    """Restores the shown slice now and then, but not so often that learning waits."""

    def __init__(self, image: Any, shown: Callable[[], Region | None]) -> None:
        self._image, self._shown = image, shown
        self._next = time.monotonic() + LOOK_SECONDS / 2

    @property
    def due(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() >= self._next

    def look(self, restorer: NetworkRestorer) -> Generator[ViewEvent, None, None]:
        """Restore the shown slice."""
        region, began = self._shown(), time.monotonic()
        if region is not None:
            for event in restored_blocks(self._image, restorer, [region]):
                if event is None:
                    yield None
                else:
                    yield RegionRestored(event.core, event.block.mean)
        took = time.monotonic() - began
        self._next = time.monotonic() + max(LOOK_SECONDS, took / LOOK_SHARE)


def _leave_a_core() -> None:
    from napari_sciml.networks.device import default_threads, use_threads

    use_threads(default_threads(viewer=True))
