"""The numbers of some fibers, at once without and later with their intervals."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.orientation import orientation_tensor
from napari_sciml.fibers.statistics.bootstrap import Interval, estimate, weighted_mean
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.fibers.statistics.tensors import describe_tensors, fiber_weights

_DRAWS = 300


@dataclass(frozen=True)
class FiberNumbers:
    """What a dock shows of some fibers.

    Attributes
    ----------
    count
        Of the fibers.
    length, diameter
        Means.
    tensor
        For zz, yy and xx: the component of the orientation tensor, weighted by length.
    """

    count: int
    length: Interval
    diameter: Interval
    tensor: tuple[Interval, ...]


def quick_numbers(table: pd.DataFrame) -> FiberNumbers:
    """Give the numbers without intervals."""
    count = len(table)
    diagonal = np.full(3, np.nan)
    if count:
        weights = fiber_weights(table)["length"]
        diagonal = np.diag(orientation_tensor(directions_of(table), weights))
    return FiberNumbers(
        count,
        _plain(_mean(table, "length")),
        _plain(_mean(table, "diameter")),
        tuple(_plain(float(value)) for value in diagonal),
    )


def estimate_numbers(table: pd.DataFrame) -> Generator[FiberNumbers | None, None, None]:
    """Give the numbers with bootstrap intervals, as a job."""
    yield None
    if not len(table):
        yield quick_numbers(table)
        return
    means = []
    for name in ("length", "diameter"):
        values = table[name].to_numpy(np.float64)
        mean = weighted_mean(values, np.ones(len(values)))
        means.append(estimate(len(values), mean, draws=_DRAWS))
        yield None
    found = describe_tensors(table, draws=_DRAWS, seed=0)["length_weighted"]
    yield FiberNumbers(len(table), means[0], means[1], _diagonal(found))


def _diagonal(found: dict[str, NDArray[np.float64]]) -> tuple[Interval, ...]:
    sides = [found["a2"], found["a2_low"], found["a2_high"]]
    numbers = [
        np.full((3, 3), np.nan) if side is None else np.array(side, float)
        for side in sides
    ]
    return tuple(Interval(*(float(side[i, i]) for side in numbers)) for i in range(3))


def _mean(table: pd.DataFrame, name: str) -> float:
    return float(table[name].mean()) if len(table) else float("nan")


def _plain(value: float) -> Interval:
    return Interval(value, float("nan"), float("nan"))
