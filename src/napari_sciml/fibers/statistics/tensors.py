"""Orientation tensors of the second and the fourth order, with intervals."""

from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from napari_sciml.fibers.orientation import unit_and_share, upper_hemisphere
from napari_sciml.fibers.statistics.bootstrap import LEVEL, draw_anew
from napari_sciml.fibers.statistics.summary import directions_of

Array = NDArray[np.float64]

WEIGHTS = ("number", "length", "volume")
"""Ways to weigh a fiber: 1, arc length, volume."""
PAIRS = ("zz", "yy", "xx", "yx", "zx", "zy")
"""Rows and columns of the contracted fourth-order tensor."""
_AXES = "zyx"
_FOUR = tuple(combinations_with_replacement(range(3), 4))
"""The 15 different components of a symmetric fourth-order tensor."""
_PLACE = {index: i for i, index in enumerate(_FOUR)}


def fourth_order_tensor(
    directions: ArrayLike, weights: ArrayLike | None = None
) -> Array:
    """Fourth-order orientation tensor.

    Parameters
    ----------
    directions, weights
        As in `orientation_tensor`.

    Returns
    -------
    ndarray
        ``(3, 3, 3, 3)`` in the order z, y, x: the mean of d d d d. It is symmetric in
        all indices, and the sum over the last two gives the second-order tensor.
        Isotropic: 1/5 for four equal indices, 1/15 for two pairs. NaN without fibers.

    References
    ----------
    Advani & Tucker, J. Rheol. 31 (1987) 751-784, eq. 8.
    """
    unit, share = unit_and_share(directions, weights)
    return _expand(share @ _products(unit) if len(unit) else np.full(15, np.nan))


def contracted(tensor: Array) -> Array:
    """Write a fourth-order tensor as ``(6, 6)``, rows and columns as in `PAIRS`."""
    pairs = [tuple(map(_AXES.index, pair)) for pair in PAIRS]
    return np.array([[tensor[(*p, *q)] for q in pairs] for p in pairs])


def fiber_weights(table: pd.DataFrame) -> Mapping[str, Array]:
    """Weight of each fiber of a table, for each of `WEIGHTS`."""
    arc, volume = table["arc_length"], table["volume"]
    numbers = (np.ones(len(table)), arc.to_numpy(float), volume.to_numpy(float))
    return dict(zip(WEIGHTS, numbers, strict=True))


def describe_tensors(table: pd.DataFrame, *, draws: int, seed: int) -> dict[str, Any]:
    """Both tensors in all weightings, with intervals, to be written as JSON."""
    unit = directions_of(table)
    found: dict[str, Any] = {"axes": list(_AXES), "pairs": list(PAIRS)}
    for name, weights in fiber_weights(table).items():
        found[f"{name}_weighted"] = _describe(unit, weights, draws, seed)
    found["uniformity_p"] = uniformity_p(unit) if len(unit) else None
    return found


def uniformity_p(directions: Array) -> float:
    """Probability of so much order, or more, in isotropic fibers (Bingham's test).

    References
    ----------
    Mardia & Jupp, "Directional Statistics", 2000, section 10.7.
    """
    tensor = np.einsum("ni,nj->ij", directions, directions) / len(directions)
    excess = 7.5 * len(directions) * (float((tensor**2).sum()) - 1 / 3)
    return float(chdtrc(5, max(excess, 0.0)))


def _describe(unit: Array, weights: Array, draws: int, seed: int) -> dict[str, Any]:
    if not len(unit):
        return dict.fromkeys(("a2", "a2_low", "a2_high", "a4", "a4_low", "a4_high"))
    products = _products(unit) * weights[:, None]
    columns = np.column_stack([products, weights])

    def components(counts: NDArray[np.float32]) -> Array:
        sums = counts @ columns
        return np.asarray(sums[:, :-1] / sums[:, -1:])

    one = components(np.ones((1, len(unit)), np.float32))
    drawn = draw_anew(len(unit), components, draws=draws, seed=seed)
    if not len(drawn):
        drawn = np.full((1, 15), np.nan)
    fourth = _expand(one[0])
    second = _traces(_expand_many(drawn))
    tail = 100 * (1 - LEVEL) / 2
    a2_low, a2_high = np.percentile(second, [tail, 100 - tail], axis=0)
    a4_low, a4_high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return {
        "a2": plain(_traces(fourth)),
        "a2_low": plain(a2_low),
        "a2_high": plain(a2_high),
        "a4": plain(contracted(fourth)),
        "a4_low": plain(contracted(_expand(a4_low))),
        "a4_high": plain(contracted(_expand(a4_high))),
        "principal_direction": _principal(_traces(fourth), second),
    }


def _principal(tensor: Array, drawn: Array) -> dict[str, Any]:
    """Axis of most fibers, and the cone that holds it with the level's probability."""
    axis = _main_axes(tensor[None])[0]
    cone = None
    if np.isfinite(drawn).all():
        cosines = np.abs(_main_axes(drawn) @ axis)
        angles = np.degrees(np.arccos(np.clip(cosines, 0, 1)))
        cone = float(np.percentile(angles, 100 * LEVEL))
    return {
        "zyx": upper_hemisphere(axis[None])[0].tolist(),
        "cone_deg": cone,
        "share": float(np.linalg.eigvalsh(tensor)[-1]),
    }


def _main_axes(tensors: Array) -> Array:
    return np.asarray(np.linalg.eigh(tensors)[1][..., -1])


def plain(tensor: Array) -> list[Any] | None:
    """Lists for JSON; None for NaN."""
    return None if np.isnan(tensor).any() else tensor.tolist()


def _products(unit: Array) -> Array:
    """``(n, 15)`` products of four components."""
    return np.stack([unit[:, list(index)].prod(axis=1) for index in _FOUR], axis=1)


def _expand(components: Array) -> Array:
    return _expand_many(components[None])[0]


def _expand_many(components: Array) -> Array:
    """``(k, 15)`` to ``(k, 3, 3, 3, 3)``."""
    places = [_PLACE[tuple(sorted(index))] for index in np.ndindex(3, 3, 3, 3)]
    return components[:, places].reshape(-1, 3, 3, 3, 3)


def _traces(fourth: Array) -> Array:
    """Second-order tensors, as sums over the last two indices."""
    return np.asarray(np.einsum("...ijkk->...ij", fourth))
