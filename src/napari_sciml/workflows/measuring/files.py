"""Fibers of a mask that is larger than memory, from file to file."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.executor import Executor, Start, in_this_process
from napari_sciml.fibers.blockwise.blocks import BlockVolume, Indices
from napari_sciml.fibers.blockwise.components import (
    BinaryBlocks,
    Components,
    find_components,
)
from napari_sciml.fibers.blockwise.measure import measure_blocks
from napari_sciml.fibers.blockwise.shaping import shape_fibers
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.geometry.measure import MeasuredFibers
from napari_sciml.fibers.geometry.voxels import make_grid
from napari_sciml.fibers.segmentation.instances import voxels_of
from napari_sciml.fibers.splitting.split import split_blocks
from napari_sciml.fibers.statistics.summary import summarize
from napari_sciml.images.gray import as_gray
from napari_sciml.images.lazy import Reopened
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.results.arrays import CHUNK, create_labels
from napari_sciml.io.results.block_arrays import open_written
from napari_sciml.io.results.fiber_files import (
    FiberResult,
    instance_settings,
    write_fibers,
)
from napari_sciml.io.results.ngff_metadata import LEVEL
from napari_sciml.progress import Report, Steps, T, exhaust, map_progress, subrange

if TYPE_CHECKING:
    import pandas as pd

VOXEL_BYTES, OTHER_BYTES = 12, 1_000_000_000
"""What a mask in one piece takes: bytes a voxel, and besides."""
SHARE_OF_MEMORY = 0.6
"""Of what is free, that a mask in one piece may take where nothing is said."""
BLOCK = {2: 2048, 3: 128}
"""Edge of a block where nothing is said."""


def fits_in_memory(shape: Sequence[int]) -> bool:
    """Whether the fibers of a mask may be found in one piece."""
    import psutil

    needed = VOXEL_BYTES * math.prod(shape) + OTHER_BYTES
    return needed <= SHARE_OF_MEMORY * psutil.virtual_memory().available


@dataclass(frozen=True)
class GivenMask:
    """What is to be measured.

    Attributes
    ----------
    mask
        Array-like ``(z, y, x)`` or ``(y, x)``, read by blocks. To do these in other
        processes it is a `Reopened`, and so is the probability.
    name
        Of the mask, for messages.
    title
        Heading of the report.
    voxel_size, unit
        Of the mask.
    image
        Array-like for the picture; None = the mask itself.
    probability
        Array-like of the same shape.
    cautions
        What a person should know of the files.
    """

    mask: Any
    name: str
    title: str
    voxel_size: tuple[float, ...]
    unit: str
    image: Any = None
    probability: Any = None
    cautions: tuple[str, ...] = ()


def measure_by_blocks(
    given: GivenMask,
    out: Path,
    config: FiberConfig,
    *,
    block: int | None,
    report: Report,
    start: Start | None = None,
) -> dict[str, Any]:
    """Write what `measure_mask` writes, with ``labels.zarr`` instead of ``labels.tif``.

    The labels and the table are those of one piece. The folder appears when it is
    whole; what is written on the way lies in a hidden folder beside it and is removed.

    Parameters
    ----------
    given
        Mask, and what belongs to it.
    out
        Folder to write.
    config
        Settings of the instances.
    block
        Edge of a block in voxels, rounded down to whole chunks; None = 128, in 2D
        2,048.
    report
        Told the share that is done, and what is going on.
    start
        Gives what does the blocks; here by default. This process alone writes.

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    InputError
        When something cannot be read or written, or the mask is none.
    """
    ndim = len(given.mask.shape)
    chunk, edge = chunk_and_block(block or BLOCK[ndim], ndim)
    with atomic_path(out) as folder, _scratch(folder) as scratch:
        folder.mkdir()
        target = folder / "labels.zarr"
        with (start or in_this_process)(scratch) as run:
            work = _Work(given, config, chunk, edge, target, scratch, run)
            labels, sizes = _run(work.label(), 0.0, 0.7, report, "numbering")
            note = f"measuring {len(sizes) - 1:,} fibers"
            found = _run(work.measure(labels, sizes), 0.7, 0.95, report, note)
        result = work.result(labels, found.table)
        report(0.95, "drawing")
        write_fibers(folder, result)
    return {"folder": str(out), "block": edge, **result.summary}


def chunk_and_block(block: int, ndim: int) -> tuple[int, int]:
    """Edges of a chunk on disk and of a block, a multiple of it, near to one wished."""
    parts = max(1, -(-block // CHUNK[ndim]))
    # Even, as chunks of what is read with a halo are half as long.
    chunk = max(2, block // parts // 2 * 2)
    return chunk, parts * chunk


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that goes with the unfinished result."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        yield Path(scratch)


@dataclass(frozen=True)
class _Work:
    given: GivenMask
    config: FiberConfig
    chunk: int
    edge: int
    target: Path
    scratch: Path
    run: Executor

    @property
    def probability(self) -> BlockVolume | None:
        if self.given.probability is None:
            return None
        return BlockVolume(self.given.probability, self.edge, "The prediction")

    def label(self) -> Steps[tuple[BlockVolume, Indices]]:
        """Number the fibers; give labels and the voxels of each."""
        mask = BlockVolume(self.given.mask, self.edge, self.given.name)
        grid = make_grid(self.given.mask.shape, self.given.voxel_size)
        config, dust = self.config, self.config.dust
        if config.dust_volume is not None:
            dust = voxels_of(config.dust_volume, grid)
        binary = BinaryBlocks(mask)
        finding = find_components(binary, config.connectivity, dust, run=self.run)
        found = yield from subrange(0.0, 0.1, finding)
        labels = self._block_volume(self._labels())
        known = self.probability if config.extend else None
        # What is extended is read with what is round it, and so is not written over.
        sure = labels if known is None else self._block_volume(self._temporary("sure"))
        sizes = yield from subrange(0.1, 0.9, self._fibers(binary, found, dust, sure))
        shaping = shape_fibers(
            sure,
            sizes,
            labels,
            likely=known,
            slenderness=config.slenderness,
            grid=grid,
            run=self.run,
        )
        return labels, (yield from subrange(0.9, 1.0, shaping))

    def measure(self, labels: BlockVolume, sizes: Indices) -> Steps[MeasuredFibers]:
        """Measure the fibers of labels, of so many voxels each."""
        return measure_blocks(
            labels,
            sizes,
            self.scratch,
            voxel_size=self.given.voxel_size,
            probability=self.probability,
            run=self.run,
        )

    def result(self, labels: BlockVolume, table: "pd.DataFrame") -> FiberResult:
        """Put together what is written."""
        given = self.given
        shape, size, unit = given.mask.shape, given.voxel_size, given.unit
        known = given.probability is not None
        settings = instance_settings(self.config, unit, len(shape), known=known)
        return FiberResult(
            labels.source,
            table,
            summarize(table, shape, size, unit),
            size,
            unit,
            title=given.title,
            settings={**settings, "blocks": f"{self.edge} voxels"},
            image=as_gray(given.mask if given.image is None else given.image),
            cautions=given.cautions,
        )

    def _fibers(
        self, binary: BinaryBlocks, found: Components, dust: int, target: BlockVolume
    ) -> Steps[Indices]:
        """Number what is in the mask."""
        if not self.config.split:
            yield from _write(binary, found, target)
            return found.sizes
        pieces = self._block_volume(self._temporary("pieces"))
        yield from subrange(0.0, 0.1, _write(binary, found, pieces))
        splitting = split_blocks(
            pieces,
            found.sizes,
            self._block_volume(self._temporary("names")),
            target,
            voxel_size=self.given.voxel_size,
            dust=dust,
            probability=self.probability,
            run=self.run,
        )
        return (yield from subrange(0.1, 1.0, splitting))

    def _block_volume(self, array: Any) -> BlockVolume:
        return BlockVolume(array, self.edge, "What was written")

    def _labels(self) -> Any:
        shape = self.given.mask.shape
        chunks = (self.chunk,) * len(shape)
        size, unit = self.given.voxel_size, self.given.unit
        array = create_labels(self.target, shape, np.uint32, chunks, size, unit)
        return Reopened(array, open_written, self.target.absolute() / LEVEL)

    def _temporary(self, name: str) -> Any:
        import zarr
        from zarr.codecs import BloscCodec

        shape = self.given.mask.shape
        # Small chunks, as blocks are read with what is round them.
        path = self.scratch.absolute() / name
        array = zarr.create_array(
            str(path),
            shape=shape,
            chunks=tuple(min(self.chunk // 2, n) for n in shape),
            dtype=np.uint32,
            compressors=BloscCodec(cname="lz4", shuffle="shuffle"),
        )
        return Reopened(array, open_written, path)


def _write(mask: BinaryBlocks, found: Components, out: BlockVolume) -> Steps[None]:
    for number, (done, region) in enumerate(mask.volume.walk()):
        yield done
        out.write(region, found.number(number, mask.read(region)))


def _run(steps: Steps[T], low: float, high: float, report: Report, note: str) -> T:
    """Do all steps, and tell how far they are."""
    return exhaust(
        map_progress(subrange(low, high, steps), lambda done: report(done, note))
    )
