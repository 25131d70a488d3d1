"""Long computations in steps, so that a job can be watched and stopped."""

import queue
import threading
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

PATIENCE = 0.1
"""Seconds without a word before `watched` gives a chance to stop."""


def duration(seconds: float) -> str:
    """Tell how long something takes: in seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def exhaust(steps: Generator[Any, None, T]) -> T:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)


def map_progress(
    steps: Generator[A, None, T], change: Callable[[A], B]
) -> Generator[B, None, T]:
    """Yield what is made of each step, and return what the steps return."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)
        yield change(step)


def subrange(low: float, high: float, steps: Steps[T]) -> Steps[T]:
    """Count what is done in some steps as a part of something larger."""
    return map_progress(steps, lambda done: low + done * (high - low))


class NobodyWatchesError(BaseException):
    """Ends work whose watcher has gone; no `Exception`, which other files survive."""


def watched(work: Callable[[Callable[[Any], None]], T]) -> Generator[Any, None, T]:
    """Do work in a thread, as one that calls back cannot be stepped through.

    Parameters
    ----------
    work
        Called with a function that takes what there is to tell.

    Yields
    ------
    object
        What is told, in order; None as a chance to stop. When it is closed, the next
        word of the work raises `NobodyWatchesError` in it, and its end is waited for.
    """
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()
    gone, end = threading.Event(), object()
    found: list[T] = []
    raised: list[BaseException] = []

    def tell(event: Any) -> None:
        if gone.is_set():
            raise NobodyWatchesError
        told.put(event)

    def run() -> None:
        try:
            found.append(work(tell))
        except BaseException as error:
            raised.append(error)
        finally:
            told.put(end)

    thread = threading.Thread(target=run, name="napari-sciml watched", daemon=True)
    thread.start()
    try:
        yield from _until(end, told)
    finally:
        gone.set()
        thread.join()
    if raised:
        raise raised[0]
    return found[0]


def _until(end: object, told: "queue.SimpleQueue[Any]") -> Generator[Any, None, None]:
    while True:
        try:
            event = told.get(timeout=PATIENCE)
        except queue.Empty:
            event = None
        if event is end:
            return
        yield event
