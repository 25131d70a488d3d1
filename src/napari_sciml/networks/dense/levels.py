"""Levels of resolution of U-shaped networks: channels, pooling and reach."""

from collections.abc import Callable, Sequence

from napari_sciml.errors import InputError
from napari_sciml.networks.base import MAX_CHANNELS
from napari_sciml.networks.config import UShapedConfig

Interval = tuple[int, int]


def level_channels(config: UShapedConfig) -> list[tuple[int, int]]:
    """Channels in the middle of each level, and those that leave it.

    The law is that of the DLSIA paper (Roberts et al., J. Appl. Cryst. 57, 2024):
    the middle has ``int(growth * out)`` of the finer level's ``out``, and
    ``out = int(hidden * middle)``, never less than one.
    """
    levels: list[tuple[int, int]] = []
    for level in range(config.depth):
        middle = int(levels[-1][1] * config.growth) if level else config.base
        middle = max(1, middle)
        out = max(1, int(middle * config.hidden))
        if max(middle, out) > MAX_CHANNELS:
            raise InputError(
                f"Level {level + 1} of the network would have {max(middle, out):,} "
                "channels: choose a smaller base, growth or hidden rate."
            )
        levels.append((middle, out))
    return levels


def pooling(
    dims: int, depth: int, spacing: Sequence[float] | None
) -> tuple[list[tuple[int, ...]], list[tuple[float, ...] | None]]:
    """Pooling factors from each level to the next, and each level's voxel size.

    An axis whose voxels are at least twice as long as the shortest edge is not
    pooled until the others have caught up.
    """
    edges = tuple(spacing or [1.0] * dims)
    sizes, factors = [edges], []
    for _ in range(depth - 1):
        step = tuple(2 if edge < 2 * min(edges) else 1 for edge in edges)
        edges = tuple(edge * f for edge, f in zip(edges, step, strict=True))
        factors.append(step)
        sizes.append(edges)
    return factors, [size if spacing else None for size in sizes]


def product(factors: Sequence[tuple[int, ...]], dims: int) -> tuple[int, ...]:
    """Factors of several poolings taken together."""
    total = [1] * dims
    for step in factors:
        total = [a * b for a, b in zip(total, step, strict=True)]
    return tuple(total)


def radius_of(seen: Callable[[Interval], Interval], stride: int) -> int:
    """Radius of a network, from the input that an interval of its output sees.

    With pooling that depends on where in a coarse voxel the output lies.
    """
    sights = [(x, *seen((x, x))) for x in range(stride)]
    return max(max(x - low, high - x) for x, low, high in sights)


def coarser(interval: Interval, steps: int) -> Interval:
    """Voxels ``steps`` levels below that an interval lies in."""
    return interval[0] >> steps, interval[1] >> steps


def finer(interval: Interval, steps: int) -> Interval:
    """Voxels ``steps`` levels above that an interval is made of."""
    return interval[0] << steps, ((interval[1] + 1) << steps) - 1


def wider(interval: Interval, by: int) -> Interval:
    """An interval and ``by`` voxels on each side."""
    return interval[0] - by, interval[1] + by


def hull(*intervals: Interval) -> Interval:
    """The smallest interval that holds all."""
    return min(low for low, _ in intervals), max(high for _, high in intervals)
