"""How large or small a number may be, wherever it comes from.

Configuration models, command-line options and files of settings share these: what is
beyond them is a slip of the keyboard or a damaged file, and would end in an overflow
far from its cause.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_THREADS = 1024
"""More than any machine has cores; torch ends in a segmentation fault long after."""

MAX_SEED = 2**32 - 1
"""What every generator of random numbers that we use takes."""

MAX_COUNT = 10**9
"""Steps, looks, voxels to drop: no run reaches it."""

MAX_SECONDS = 86400.0
"""Of a training: a day."""

EDGES = (1e-12, 1e12)
"""Shortest and longest edge of a voxel in any unit: picometers in meters, and back.

Its inverse, square, cube and their products stay far within a double."""

MAX_RATIO = 1e4
"""Of the edges of a voxel: more samples than that along a voxel are not computed."""

MAX_WEIGHT = 1e6
"""Of a term in a sum, such as a loss: single precision holds it times anything."""

MAX_VALUE = 1e30
"""Of a gray value: networks compute in single precision, which ends at 3e38."""

MAX_DEVIATIONS = 1e3
"""Standard deviations that can be taken off a probability: 1 / 1000 is as good as 0."""


def bounds_of(
    model: "type[BaseModel]", field: str
) -> tuple[float | None, float | None]:
    """Least and greatest value of a field, None where there is no bound."""
    low = high = None
    for rule in model.model_fields[field].metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return low, high


def is_edge(length: float) -> bool:
    """Whether a number can be the edge of a voxel; NaN cannot."""
    low, high = EDGES
    return low <= length <= high


def wrong_edges(edges: Sequence[float]) -> str:
    """Say what is wrong with the edges of a voxel; empty where they can be used."""
    if not all(map(is_edge, edges)):
        return "edges of a voxel must be between {:g} and {:g}".format(*EDGES)
    if edges and max(edges) > MAX_RATIO * min(edges):
        return f"no edge of a voxel may be more than {MAX_RATIO:g} times another one"
    return ""
