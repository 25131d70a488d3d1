"""Say what a long look at files is doing, to whoever listens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from napari_sciml.progress import Say

FIRST, NEXT = 2.0, 10.0
"""Seconds until a person is told, and from one time to the next."""

_listener: ContextVar[Say | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(say: Say) -> Iterator[None]:
    """Let the sentences of this module be said, within the block and its thread."""
    token = _listener.set(say)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(sentence: str) -> None:
    """Say what is going on, if somebody listens."""
    say = _listener.get()
    if say is not None:
        say(sentence)


class Patience:
    """Asks for patience, if something takes long.

    Parameters
    ----------
    doing
        What is done, such as "Comparing the slices in scan".
    total
        How many things there are.
    """

    def __init__(self, doing: str, total: int) -> None:
        self._doing, self._total = doing, total
        self._due = time.monotonic() + FIRST

    def done(self, count: int) -> None:
        """Tell how many are done, now and then."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + NEXT
        tell(f"{self._doing}: {count:,} of {self._total:,} …")
