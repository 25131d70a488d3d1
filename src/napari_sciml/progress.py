"""Long computations in steps, so that a job can be watched and stopped."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar, cast

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

Steps = Generator[float, None, T]
"""Yields the share that is done, and returns the result; may be closed."""

Report = Callable[[float, str], None]
"""Called with the share that is done (0 to 1) and a few words."""

Say = Callable[[str], None]
"""Called with a sentence that a person should read."""


def duration(seconds: float) -> str:
    """Tell how long something takes: in seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def result_of(steps: Generator[Any, None, T]) -> T:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)


def mapped(
    steps: Generator[A, None, T], change: Callable[[A], B]
) -> Generator[B, None, T]:
    """Yield what is made of each step, and return what the steps return."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)
        yield change(step)


def part(low: float, high: float, steps: Steps[T]) -> Steps[T]:
    """Count what is done in some steps as a part of something larger."""
    return mapped(steps, lambda done: low + done * (high - low))
