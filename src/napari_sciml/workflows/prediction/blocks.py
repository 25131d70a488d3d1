"""One block of a planned prediction: read, predict, write.

A block depends on the plan and its number alone, so that any process on any machine
that sees the files can compute it, in any order, once or twice.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, grid
from napari_sciml.io.atomic import cannot_write
from napari_sciml.io.results.block_grid import place_in_words
from napari_sciml.progress import exhaust
from napari_sciml.workflows.prediction.plan import (
    PredictionPlan,
    check_fit,
    model_identity,
    reading,
)
from napari_sciml.workflows.unfinished import sync

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted


@dataclass(frozen=True)
class BlockWritten:
    """A block is on the disk.

    Attributes
    ----------
    index
        Number of the block in the plan.
    seconds
        That it took.
    halved
        Whether memory was short, so that it was predicted in smaller parts.
    """

    index: int
    seconds: float
    halved: bool = False


def predict_block(
    plan: PredictionPlan,
    index: int,
    *,
    device: str | None = None,
    threads: int | None = None,
) -> BlockWritten:
    """Predict one block and write it, whole and synced, or not at all.

    The output must have been created by `napari_sciml.workflows.prediction.run`. Model
    and image are opened by the first call in a process and kept for the next ones.

    Parameters
    ----------
    plan
        What to do.
    index
        Number of the block, an index of ``plan.blocks``.
    device
        "auto", "cpu", "cuda" or "mps"; that of the plan by default.
    threads
        Threads of the CPU; left as they are by default.

    Raises
    ------
    InputError
        When model or image have changed, or something cannot be read or written.
    """
    from napari_sciml.networks.device import use_threads

    if threads is not None:
        use_threads(threads)
    started = time.monotonic()
    worker = _worker(plan, device)
    found = exhaust(worker.compute(index, worker.read(index)))
    worker.write(index, found)
    return BlockWritten(index, time.monotonic() - started, found.halved)


@lru_cache(maxsize=1)
def _worker(plan: PredictionPlan, device: str | None) -> "BlockWorker":
    return BlockWorker(plan, device=device)


class BlockWorker:
    """Model, image and output of a plan, opened once for many blocks.

    Parameters
    ----------
    plan
        What to do; its output has been created.
    device
        As in `predict_block`.
    ensemble, image
        Where they are at hand; opened by the paths in the plan by default.

    Raises
    ------
    InputError
        When the model is not the one of the plan, or something cannot be opened.
    """

    def __init__(
        self,
        plan: PredictionPlan,
        *,
        device: str | None = None,
        ensemble: "Ensemble | None" = None,
        image: Any = None,
    ) -> None:
        from napari_sciml.io.images.reading import open_volume
        from napari_sciml.io.models.folder import load_model
        from napari_sciml.io.results.predictions import PredictionStore
        from napari_sciml.prediction.blockwise import BlockPredictor

        self.plan = plan
        ensemble = ensemble or load_model(plan.model)
        if model_identity(ensemble) != plan.model_sha256:
            raise InputError(
                f"{plan.model} is not the model that the prediction was begun with; "
                "bring that one back, or begin anew."
            )
        ensemble.intensity = plan.intensity_scale
        if image is None:
            image = open_volume(plan.image, level=plan.level).data
        self._image = image
        check_fit(ensemble, self._image, plan.image)
        self._predictor = BlockPredictor(
            ensemble, self._image, device=device or plan.device, half=plan.half
        )
        self._store = PredictionStore.open_unfinished(plan.store)

    def read(self, index: int) -> np.ndarray:
        """Raw gray values of a block and what its networks see around it."""
        tile = self._predictor.tile(self.plan.blocks[index])
        with reading(self.plan.image, tile.read):
            return np.ascontiguousarray(self._image[tile.read])

    def compute(
        self, index: int, values: np.ndarray
    ) -> Generator[None, None, "BlockPredicted"]:
        """Predict a block from what `read` gave; yields after each member."""
        from napari_sciml.networks.device import trim_heap

        core = self.plan.blocks[index]
        try:
            found = yield from self._predictor.predict(core, values)
            trim_heap()
            return found
        except InputError as error:
            raise InputError(
                f"In the block at {place_in_words(core)}: {error}"
            ) from error

    def write(self, index: int, found: "BlockPredicted") -> None:
        """Put a block onto the disk; it is there, even after a loss of power."""
        core = self.plan.blocks[index]
        with told(self.plan):
            self._store.write(core, found.mean, found.std)
            for array in (self._store.mean, self._store.std):
                sync_shards(array, core)


@contextmanager
def told(plan: PredictionPlan) -> Iterator[None]:
    """Say in one sentence why the output cannot be written."""
    try:
        yield
    except OSError as error:
        said = str(cannot_write(plan.out, error)).rstrip(".")
        raise InputError(
            f"{said}; what is done is kept: go on with --resume."
        ) from error


def sync_shards(array: Any, region: Region) -> None:
    """Wait until the files of a part of an array, ``(class, *region)``, are safe."""
    root = Path(array.store.root) / array.path
    shard = array.shards or array.chunks
    places = [range(-(-array.shape[0] // shard[0]))]
    for part, edge in zip(region, shard[1:], strict=True):
        places.append(range(part.start // edge, -(-part.stop // edge)))
    files = [root / array.metadata.encode_chunk_key(at) for at in product(*places)]
    # A shard of zeros has no file: that is what a missing one stands for.
    written = [file for file in files if file.exists()]
    folders = {p for file in written for p in file.parents if p.is_relative_to(root)}
    for path in (*written, *sorted(folders)):
        sync(path)


def downsample_block(plan: PredictionPlan, level: int, index: int) -> None:
    """Write one block of a level of the pyramid from the level below, synced.

    Parameters
    ----------
    plan
        What to do; the level below is whole.
    level
        1 or more.
    index
        Number of the block in `level_blocks`.
    """
    import zarr

    core = level_blocks(plan, level)[index]
    pairs = zip(plan.levels[level], plan.levels[level - 1], strict=True)
    factors = tuple(coarse // fine for coarse, fine in pairs)
    below = tuple(
        slice(part.start * n, part.stop * n)
        for part, n in zip(core, factors, strict=True)
    )
    root = zarr.open_group(str(plan.store), mode="r+")
    with told(plan):
        for name in ("mean", "std"):
            group: Any = root[name]
            values = np.asarray(group[str(level - 1)][:, *below])
            array = group[str(level)]
            array[:, *core] = _averaged(values, (1, *factors))
            sync_shards(array, core)


def level_blocks(plan: PredictionPlan, level: int) -> tuple[Region, ...]:
    """Blocks of a level of the pyramid, each a shard."""
    return tuple(grid(plan.level_shape(level), plan.block))


def _averaged(values: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """Means of boxes of voxels; at the far ends of what there is of a box."""
    sums = values.astype(np.float32)
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        odd = sums.shape[axis] % factor
        if odd:
            ends = [(0, factor - odd if i == axis else 0) for i in range(sums.ndim)]
            sums = np.pad(sums, ends, mode="edge")
        shape = [*sums.shape[:axis], -1, factor, *sums.shape[axis + 1 :]]
        sums = sums.reshape(shape).mean(axis + 1)
    return sums.astype(np.float16)
