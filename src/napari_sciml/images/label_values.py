"""Values that files of labels hold: how often each occurs, and their names."""

import math
from collections.abc import Mapping

import numpy as np

MAX_LABEL = 255
MANY = 16
"""More different values than this are no classes that somebody painted."""
AT_ONCE = 2**24
"""Voxels that are counted at a time: each takes eight bytes meanwhile."""
LISTED = 6
"""Values that a sentence names."""


def count_values(values: np.ndarray) -> dict[float, int]:
    """Number of voxels of each value that occurs, ascending; NaN last."""
    if values.dtype == np.uint8:
        flat, counts = values.reshape(-1), np.zeros(256, np.int64)
        for start in range(0, len(flat), AT_ONCE):
            counts += np.bincount(flat[start : start + AT_ONCE], minlength=256)
        return {int(v): int(counts[v]) for v in np.flatnonzero(counts)}
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def list_values(
    counts: Mapping[int, int] | Mapping[float, int], *, color: bool = False
) -> str:
    """Values with their voxels: "127 (350 voxels) and 255 (350)"."""
    if len(counts) > MANY:
        low, high = (value_name(v, color) for v in (min(counts), max(counts)))
        return f"{len(counts):,} different values from {low} to {high}"
    words = [
        f"{value_name(value, color)} ({count:,}{'' if place else _voxels(count)})"
        for place, (value, count) in enumerate(counts.items())
    ]
    if len(words) > LISTED:
        words = [*words[:LISTED], f"{len(words) - LISTED} more"]
    return listed(words)


def listed(words: list[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def value_name(value: float, color: bool = False) -> str:
    """How the option ``--map`` spells a value or a color."""
    if color:
        return f"#{int(value):06x}"
    if math.isnan(value):
        return "nan"
    return str(int(value)) if value == math.floor(value) else f"{value:.6g}"


def _voxels(count: int) -> str:
    return " voxel" if count == 1 else " voxels"
