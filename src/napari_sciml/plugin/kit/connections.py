"""Signal connections that are undone together."""

import atexit
import weakref
from collections.abc import Callable
from typing import Any

_made: "weakref.WeakSet[Connections]" = weakref.WeakSet()


class Connections:
    """Connections of one object.

    napari and psygnal hold bound methods weakly, but a widget may be dead in Qt
    while Python still holds it: what it connects has to be undone by then.
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[Any, Callable[..., Any]]] = []
        _made.add(self)

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of napari, psygnal or Qt to a bound method.

        A signal of Qt does not keep its object alive: whoever connects has to.
        """
        signal.connect(slot)
        self._pairs.append((signal, slot))

    def close(self) -> None:
        """Disconnect everything."""
        for signal, slot in self._pairs:
            try:
                signal.disconnect(slot)
            except (TypeError, ValueError, RuntimeError):  # gone by itself
                continue
        self._pairs.clear()


@atexit.register
def _close_all() -> None:
    """Disconnect while Qt is there; it crashes where one of the two ends is gone."""
    for wiring in list(_made):
        wiring.close()
