"""Long computations in steps, so that a job can be watched and stopped."""

from collections.abc import Generator
from typing import Any, TypeVar, cast

T = TypeVar("T")

Steps = Generator[float, None, T]
"""Yields the share that is done, and returns the result; may be closed."""


def result_of(steps: Generator[Any, None, T]) -> T:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)


def part(low: float, high: float, steps: Steps[T]) -> Steps[T]:
    """Count what is done in some steps as a part of something larger."""
    while True:
        try:
            done = next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)
        yield low + done * (high - low)
