"""Carries strokes from the one who paints to the one who learns."""

import threading
from collections.abc import Sequence

from napari_sciml.annotation.changes import LabelChange


class LabelFeed:
    """Mailbox for changes of an annotation, from one thread to another.

    Parameters
    ----------
    first
        The annotation so far, as a change of an empty one; None = it is empty.
    class_names
        Names of the classes; may be renamed later, but neither more nor fewer.
    """

    def __init__(self, first: LabelChange | None, class_names: Sequence[str]) -> None:
        self.class_names = tuple(class_names)
        self._waiting: list[LabelChange] = [] if first is None else [first]
        self._lock = threading.Lock()
        self._filled = threading.Event()
        if first is not None:
            self._filled.set()

    def put(self, change: LabelChange) -> None:
        """Hand over a change; never waits."""
        with self._lock:
            self._waiting.append(change)
            self._filled.set()

    def rename(self, class_names: Sequence[str]) -> None:
        """Give the classes other names."""
        self.class_names = tuple(class_names)

    def take(self) -> list[LabelChange]:
        """What has arrived since the last time, the oldest first."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._filled.clear()
        return taken

    @property
    def waiting(self) -> bool:
        """Whether something has arrived."""
        return self._filled.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for something to arrive, but not longer."""
        return self._filled.wait(seconds)
