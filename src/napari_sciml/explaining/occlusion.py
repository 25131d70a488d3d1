"""What around a voxel makes it what it is taken for: blocks are covered in turn."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from napari_sciml.explaining.panel import Panel, Seen, log_odds
from napari_sciml.explaining.place import Blocks
from napari_sciml.images.tiles import Region, Tile
from napari_sciml.progress import Steps, map_progress

LITTLE = 0.01
"""Change of log-odds that is not worth a color."""


@dataclass(frozen=True)
class Occlusion:
    """How much the class depends on what is round the place.

    Attributes
    ----------
    blocks
        Where the blocks lie.
    change
        Log-odds of the class less those with the block covered, one a block, of the
        shape ``blocks.counts``: above 0, what is there speaks for the class. 0 outside
        of the image.
    """

    blocks: Blocks
    change: np.ndarray

    @property
    def image(self) -> np.ndarray:
        """The same for each voxel of ``blocks.window``, float32."""
        return self.blocks.spread(self.change).astype(np.float32)

    @property
    def limit(self) -> float:
        """Largest change of a block that is not the place itself, above 0, to show."""
        around = np.abs(self.change)
        around[tuple(count // 2 for count in around.shape)] = 0
        return max(float(around.max()), LITTLE)


def occlude(panel: Panel, core: Region, blocks: Blocks, index: int) -> Steps[Occlusion]:
    """Cover block after block by the mean gray value round the place.

    Only as much of the image is computed as the members see of the place.

    Parameters
    ----------
    panel
        Members and image.
    core
        The place.
    blocks
        Round the place.
    index
        Of the class.

    Yields
    ------
    float
        Share that is done, often.
    """
    tile = panel.tile(core)
    gray = panel.read(tile)
    mean = local_mean(panel, blocks)
    regions = [region for _, region in blocks.inside]
    found, step = [], panel.together(core)
    steps = panel.look(gray[None], tile)
    before = log_odds(
        (yield from _answered(panel, steps, core, 0.0)), panel.weights, index
    )
    for start in range(0, len(regions), step):
        versions = covered(gray, tile, regions[start : start + step], mean)
        steps = panel.look(versions, tile)
        answers = yield from _answered(panel, steps, core, start / len(regions))
        found.append(log_odds(answers, panel.weights, index))
    change = np.zeros(blocks.counts)
    change[tuple(np.array([n for n, _ in blocks.inside]).T)] = before - np.concatenate(
        found
    )
    return Occlusion(blocks, change)


def local_mean(panel: Panel, blocks: Blocks) -> Tensor:
    """Mean gray value ``(inputs,)`` of all blocks together."""
    return panel.read(Tile(blocks.window, blocks.window)).flatten(1).mean(1)


def covered(gray: Tensor, tile: Tile, regions: list[Region], mean: Tensor) -> Tensor:
    """Versions ``(n, inputs, …)`` of what is read, in each of which a block is gone."""
    versions = gray.repeat(len(regions), *[1] * gray.ndim)
    level = mean.view(-1, *[1] * (gray.ndim - 1))
    for version, region in zip(versions, regions, strict=True):
        version[:, *within(region, tile)] = level
    return versions


def cover_all(gray: Tensor, tile: Tile, regions: list[Region], mean: Tensor) -> Tensor:
    """One version ``(1, inputs, …)`` in which all of some blocks are gone."""
    version = gray[None].clone()
    level = mean.view(-1, *[1] * (gray.ndim - 1))
    for region in regions:
        version[0][:, *within(region, tile)] = level
    return version


def within(region: Region, tile: Tile) -> Region:
    """A region as far as it is read, counted from where that begins."""
    return tuple(
        slice(max(0, a.start - b.start), max(0, min(a.stop, b.stop) - b.start))
        for a, b in zip(region, tile.read, strict=True)
    )


def _answered(
    panel: Panel, looking: Generator[None, None, Seen], core: Region, done: float
) -> Steps[np.ndarray]:
    seen = yield from map_progress(looking, lambda _: done)
    return (yield from map_progress(panel.answer(seen, core), lambda _: done))
