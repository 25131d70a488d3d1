"""Which slices are annotated."""

import math
from collections.abc import Mapping

import numpy as np

from napari_sciml.annotation.store import LabelStore


def annotated_slices(
    store: LabelStore,
    axis: int,
    *,
    label: int | None = None,
    at: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Positions of the slices that hold labels, ascending.

    Parameters
    ----------
    store
        What is annotated.
    axis
        Across the slices.
    label
        Only this class counts; None = any.
    at
        Positions along other axes, such as time: only labels there count.
    """
    chosen = np.ones(len(store), bool) if label is None else store.values == label
    for other, position in (at or {}).items():
        chosen &= _position(store, store.indices, other) == position
    return np.unique(_position(store, store.indices[chosen], axis))


def _position(store: LabelStore, indices: np.ndarray, axis: int) -> np.ndarray:
    return indices // math.prod(store.shape[axis + 1 :]) % store.shape[axis]


def neighbors(slices: np.ndarray, position: int) -> tuple[int | None, int | None]:
    """The nearest slices below and above a position, which itself does not count."""
    below, above = slices[slices < position], slices[slices > position]
    return (
        int(below[-1]) if len(below) else None,
        int(above[0]) if len(above) else None,
    )


def ends_around(slices: np.ndarray, position: int) -> tuple[int, int] | None:
    """The annotated slices that a position lies between, with others between them.

    From a slice that is annotated itself, the gap above it counts, or the one
    below where there is none above.
    """
    below, above = neighbors(slices, position)
    pairs = [(below, above)]
    if position in slices:
        pairs = [(position, above), (below, position)]
    for low, high in pairs:
        if low is not None and high is not None and high - low > 1:
            return low, high
    return None
