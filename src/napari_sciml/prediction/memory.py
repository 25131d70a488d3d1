"""How much memory a block takes, before it is predicted."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.trees.forest_block import SLAB
from napari_sciml.prediction.blockwise import BlockPredictor

PROCESS_BYTES = 0.6e9
"""What Python, torch and a small model take."""
OVERHEAD = 1.75
"""Of what the tensors take, for scratch memory that convolutions use besides, and for
what reading and writing take meanwhile; measured over 216 blocks, with AVX2."""
TRIED_EDGE = {2: 128, 3: 32}
SMALLEST_BLOCK = 32
UNSETTLED = 0.5
"""Of the voxels of a block, at most as a rule, whose channels trees keep."""
COPIES = 4
"""Of the channels of a slab: one by one, together, as rows, and scratch memory."""
IN_FLIGHT = 3
"""Results that are computed, wait, and are written at the same time."""


@dataclass(frozen=True)
class BlockMemory:
    """What a block takes, as far as it can be known beforehand.

    Attributes
    ----------
    per_voxel
        Bytes of tensors for each voxel that the members look at.
    reach, halo
        Voxels around a block that the members look at, and that are read.
    raw
        Bytes of a voxel of the image, all channels together.
    classes
        That are predicted.
    trees, slab
        Bytes that trees hold for each voxel of a block, and for what of it they look
        at in one go; 0 without trees.
    """

    per_voxel: float
    reach: tuple[int, ...]
    halo: tuple[int, ...]
    raw: int
    classes: int
    trees: float = 0.0
    slab: float = 0.0

    def peak(self, edge: int, shape: Sequence[int]) -> int:
        """Bytes of the whole process for blocks of an edge."""
        core = np.minimum(shape, edge)
        looked_at = np.prod(np.minimum(shape, core + 2 * np.array(self.reach)))
        read = np.prod(np.minimum(shape, core + 2 * np.array(self.halo)))
        # Twice as raw values, as the next block is read meanwhile, and as float32.
        given = read * (2 * self.raw + 8)
        results = np.prod(core) * (2 * self.classes + 1) * 4 * IN_FLIGHT
        tensors = self.per_voxel * looked_at * OVERHEAD
        # Trees are done, and their scratch memory is free, before networks begin.
        grown = self.trees * np.prod(core) + self.slab * min(read, SLAB)
        return int(PROCESS_BYTES + max(tensors, grown) + given + results)


def block_memory(ensemble: Ensemble, image: Any) -> BlockMemory:
    """Measure what a block takes by predicting a small one, on the CPU.

    Parameters
    ----------
    ensemble
        Trained networks; moved to the CPU.
    image
        Array-like; only its type and number of channels matter.
    """
    channels, forest = channels_of(image), ensemble.forest
    columns = 0 if forest is None else forest.second.features
    # Of each member, of the mean of all, and of the linear model.
    answers = 0 if forest is None else (forest.members + 2) * forest.classes
    edge = TRIED_EDGE[ensemble.dims]
    looked_at = np.prod([edge + 2 * n for n in ensemble.reach])
    return BlockMemory(
        per_voxel=_peak_of_tensors(ensemble, edge, channels) / looked_at,
        reach=ensemble.reach,
        halo=ensemble.halo,
        raw=np.dtype(image.dtype).itemsize * channels,
        classes=len(ensemble.class_names),
        trees=4.0 * (answers + UNSETTLED * 2 * columns),
        slab=4.0 * COPIES * columns,
    )


def largest_block(
    memory: BlockMemory, shape: Sequence[int], bound: float, edge: int
) -> int:
    """The edge of the largest block that stays within a bound.

    Parameters
    ----------
    memory
        What blocks take.
    shape
        Of the image.
    bound
        Bytes of the whole process.
    edge
        Longest edge to consider; it is halved, and one step is taken in between.

    Raises
    ------
    InputError
        When even a small block takes more.
    """
    tried = edge
    while tried >= SMALLEST_BLOCK:
        for candidate in (tried, tried * 3 // 4):
            if memory.peak(candidate, shape) <= bound:
                return candidate
        tried //= 2
    least = memory.peak(SMALLEST_BLOCK, shape) / 1e9
    raise InputError(
        f"This model needs {least:.1f} GB of memory for even a small block, but only "
        f"{bound / 1e9:.1f} GB may be used: allow more, or train smaller networks."
    )


class _Blank:
    """An image without values: only its shape is asked for."""

    def __init__(self, shape: Sequence[int], channels: int) -> None:
        self.shape, self.ndim, self.channels = tuple(shape), len(shape), channels


def _peak_of_tensors(ensemble: Ensemble, edge: int, channels: int) -> int:
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it writes to the terminal
    halo = ensemble.halo
    predictor = BlockPredictor(
        ensemble, _Blank([edge + 2 * n for n in halo], channels), device="cpu"
    )
    core = tuple(slice(n, n + edge) for n in halo)
    read = predictor.tile(core).read
    shape = [part.stop - part.start for part in read]
    values = np.zeros((*shape, channels) if channels > 1 else shape, np.float32)
    with torch.autograd.profiler.profile(profile_memory=True) as watched:
        for _ in predictor.predict(core, values):
            pass
    found = watched.kineto_results
    events = [] if found is None else found.events()
    steps = [e for e in events if e.name() == "[memory]"]
    sizes = [e.nbytes() for e in sorted(steps, key=lambda e: e.start_ns())]
    return int(np.cumsum(sizes, dtype=np.int64).max(initial=0))
