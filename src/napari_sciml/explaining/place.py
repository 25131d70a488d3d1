"""The place that is explained, and the blocks round it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.images.tiles import Region, region_size
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import relative_steps

MOST_VOXELS = 125
"""Of a region that is explained as one: each is asked about in every version."""

At = Sequence[int | slice]
"""A voxel, or slices of a region, axis by axis."""


def region_at(at: At, shape: Sequence[int]) -> Region:
    """Give the voxel or the region that is meant, as slices.

    Raises
    ------
    InputError
        When it lies outside of the image, or is too large.
    """
    if len(at) != len(shape):
        raise InputError(
            f"The image has {len(shape)} axes, but the place {_words(at)} has "
            f"{len(at)}: give one number an axis, in the order of the image's axes."
        )
    region = []
    for part, length in zip(at, shape, strict=True):
        one = part if isinstance(part, slice) else slice(int(part), int(part) + 1)
        low, high = one.start or 0, length if one.stop is None else one.stop
        if not 0 <= low < high <= length:
            raise InputError(
                f"The place {_words(at)} lies outside of the image of shape "
                f"{tuple(shape)}: choose another one."
            )
        region.append(slice(int(low), int(high)))
    if region_size(tuple(region)) > MOST_VOXELS:
        raise InputError(
            f"The region has {region_size(tuple(region)):,} voxels, and more than "
            f"{MOST_VOXELS} cannot be explained at once: choose a smaller one."
        )
    return tuple(region)


def _words(at: At) -> str:
    parts = [f"{p.start}:{p.stop}" if isinstance(p, slice) else str(p) for p in at]
    return "(" + ", ".join(parts) + ")"


@dataclass(frozen=True)
class Blocks:
    """The blocks round a place, one of which is covered at a time.

    Attributes
    ----------
    first
        Voxel that the first block begins at, axis by axis; may lie outside.
    edges, counts
        Voxels of a block, and blocks, axis by axis.
    shape
        Of the image.
    """

    first: tuple[int, ...]
    edges: tuple[int, ...]
    counts: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def around(
        cls,
        core: Region,
        ensemble: Ensemble,
        shape: Sequence[int],
        config: ExplainConfig,
    ) -> "Blocks":
        """Lay blocks round a place, as far as a model looks."""
        spacing = ensemble.front.spacing or (1.0,) * len(shape)
        steps = relative_steps(spacing)
        first, edges, counts = [], [], []
        for part, halo, step in zip(core, ensemble.halo, steps, strict=True):
            edge = max(1, round(config.edge / step)) if halo else 1
            # What lies further away than the model looks makes no difference.
            far = halo + (part.stop - part.start) // 2 - edge // 2
            count = min(config.blocks, 1 + 2 * max(0, -(-far // edge)))
            middle = (part.start + part.stop - 1) // 2
            first.append(middle - edge // 2 - edge * (count // 2))
            edges.append(edge)
            counts.append(count)
        return cls(tuple(first), tuple(edges), tuple(counts), tuple(shape))

    @cached_property
    def inside(self) -> list[tuple[tuple[int, ...], Region]]:
        """Number along each axis, and voxels, of each block that is in the image."""
        found = []
        for number in product(*map(range, self.counts)):
            region = self._clipped(number, [n + 1 for n in number])
            if all(part.start < part.stop for part in region):
                found.append((number, region))
        return found

    @property
    def window(self) -> Region:
        """All blocks together, as far as they lie in the image."""
        return self._clipped((0,) * len(self.counts), self.counts)

    def _clipped(self, low: Sequence[int], high: Sequence[int]) -> Region:
        return tuple(
            slice(max(0, f + e * a), min(n, f + e * b))
            for f, e, n, a, b in zip(
                self.first, self.edges, self.shape, low, high, strict=True
            )
        )

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Give each voxel of `window` the value of its block.

        Parameters
        ----------
        values
            One a block, of the shape `counts`.
        """
        for axis, (edge, first, part) in enumerate(
            zip(self.edges, self.first, self.window, strict=True)
        ):
            block = (np.arange(part.start, part.stop) - first) // edge
            values = values.take(block, axis=axis)
        return values
