"""What restores a block of an image: networks, or a filter."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.restoration.classical import apply_filter, filter_halo
from napari_sciml.restoration.stabilizing import Stabilizer
from napari_sciml.restoration.stacks import Sight

AT_ONCE = 2**18
"""Pixels that networks are asked for in one go."""
PLANE = (512, 512)


class Block(NamedTuple):
    """A restored block.

    Attributes
    ----------
    mean
        float32, in gray values.
    std
        Sample standard deviation over the networks; None with one, or with a filter.
    """

    mean: np.ndarray
    std: np.ndarray | None


class Restorer(Protocol):
    """Restores blocks, each as the whole image would be."""

    @property
    def method(self) -> str:
        """How."""
        ...

    @property
    def members(self) -> int:
        """Networks; 0 for a filter."""
        ...

    def edges(self, ndim: int) -> tuple[int, ...]:
        """Edges of a block that suits memory and speed."""
        ...

    def tile(self, core: Region, shape: Sequence[int]) -> Tile:
        """What has to be read for a block of an image of a shape."""
        ...

    def restore(
        self, values: np.ndarray, tile: Tile, shape: Sequence[int]
    ) -> Generator[None, None, Block]:
        """Restore ``tile.core`` from the gray values of ``tile.read``."""
        ...


@dataclass(frozen=True)
class FilterRestorer:
    """Restores by a filter; see `napari_sciml.restoration.classical.apply_filter`."""

    method: str
    strength: float
    sd: float
    members: int = 0
    stabilizer: Stabilizer | None = None

    def edges(self, ndim: int) -> tuple[int, ...]:
        """Edges of a block."""
        if ndim == 2:
            return PLANE
        return (16, 256, 256) if self.method == "nlm" else (96, 96, 96)

    def tile(self, core: Region, shape: Sequence[int]) -> Tile:
        """What has to be read for a block."""
        return with_halo(
            core, filter_halo(self.method, len(core), self.strength), shape
        )

    def restore(
        self, values: np.ndarray, tile: Tile, shape: Sequence[int]
    ) -> Generator[None, None, Block]:
        """Restore a block."""
        yield None
        values = _stable(values, self.stabilizer)
        found = apply_filter(self.method, values, self.strength, self.sd)
        return _back(Block(found[tile.inner], None), self.stabilizer)


@dataclass(frozen=True)
class NetworkRestorer:
    """Restores slice by slice by one or several networks.

    Attributes
    ----------
    model
        An `ImageModel` of the task "restore": from what `Sight.inputs` gives, what is
        to be added to its mean.
    method, sight
        As it was trained.
    axis
        Across which slices it looks.
    share
        Of the noisy image that is mixed in. A blind slice is independent of the noise
        of the image, so that the weighted mean of both is nearer to the truth.
    stabilizer
        What gray values go through before, and back after.
    """

    model: Any
    method: str
    sight: Sight
    axis: int
    share: float = 0.0
    stabilizer: Stabilizer | None = None

    @property
    def members(self) -> int:
        """Number of networks."""
        return len(self.model.members)

    def edges(self, ndim: int) -> tuple[int, ...]:
        """Edges of a block."""
        if ndim == 2:
            return PLANE
        edges = [192, 192, 192]
        edges[self.axis] = 24
        return tuple(edges)

    def tile(self, core: Region, shape: Sequence[int]) -> Tile:
        """What has to be read for a block."""
        reach = max(self.model.halo) + self.sight.halo
        halo = [reach] * len(core)
        if len(core) == 3:
            halo[self.axis] = self.sight.context
        return with_halo(core, halo, shape, align=self.model.stride)

    def restore(
        self, values: np.ndarray, tile: Tile, shape: Sequence[int]
    ) -> Generator[None, None, Block]:
        """Restore a block, yielding after every few slices."""
        flat = len(shape) == 2
        gray = self.model.intensity.apply(_stable(values, self.stabilizer))
        gray = gray[None] if flat else np.moveaxis(gray, self.axis, 0)
        inner = list(tile.inner)
        along = slice(0, 1) if flat else inner.pop(self.axis)
        first = 0 if flat else tile.read[self.axis].start
        length = 1 if flat else shape[self.axis]
        step = max(1, AT_ONCE // gray[0].size)
        found = []
        for start in range(along.start, along.stop, step):
            slices = range(start, min(start + step, along.stop))
            seen = [self.sight.slices(z + first, length) for z in slices]
            order = [[z - first for z in one] for one in seen]
            found.append(self._ask(gray, order, slices, (*inner,)))
            yield None
        mean, std = (
            None if found[0][i] is None else np.concatenate([f[i] for f in found])
            for i in (0, 1)
        )
        parts = [
            None if x is None else (x[0] if flat else np.moveaxis(x, 0, self.axis))
            for x in (mean, std)
        ]
        assert parts[0] is not None
        return _back(Block(parts[0], parts[1]), self.stabilizer)

    def _ask(
        self, gray: np.ndarray, order: list[list[int]], slices: range, inner: Region
    ) -> tuple[np.ndarray, np.ndarray | None]:
        import torch

        inputs = self.sight.inputs(np.stack([gray[planes] for planes in order]))
        given = torch.from_numpy(inputs).to(self.model.device)
        self.model.eval()
        with torch.inference_mode():
            answers = torch.stack([m(given)[:, 0] for m in self.model.members])
        every = answers.float().cpu().numpy()[:, :, *inner]
        own = gray[slices.start : slices.stop][:, *inner]
        kept = inputs[:, -1][:, *inner] + every.mean(0)
        mean = kept + self.share * (own - kept)
        scale, offset = self.model.intensity.scale, self.model.intensity.offset
        std = None
        if len(every) > 1:
            std = every.std(0, ddof=1) * ((1 - self.share) / scale)
            std = std.astype(np.float32)
        return (mean / scale + offset).astype(np.float32), std


def _stable(values: np.ndarray, stabilizer: Stabilizer | None) -> np.ndarray:
    return values if stabilizer is None else stabilizer.apply(values)


def _back(block: Block, stabilizer: Stabilizer | None) -> Block:
    if stabilizer is None:
        return block
    std = block.std
    if std is not None:
        std = std * stabilizer.slope(block.mean)
    return Block(stabilizer.invert(block.mean), std)
